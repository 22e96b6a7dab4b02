// The layers of torch.nn.
export * from './activation.js';
export * from './adaptive-softmax.js';
export * from './attention.js';
export * from './conv.js';
export * from './dropout.js';
export * from './embedding.js';
export * from './linear.js';
export * from './loss.js';
export * from './norm.js';
export * from './pad.js';
export * from './pool.js';
export * from './recurrent.js';
export * from './shape.js';
export * from './transformer.js';
