// The namespace `nn.utils`, as torch.nn.utils.
export * as rnn from './rnn.js';
