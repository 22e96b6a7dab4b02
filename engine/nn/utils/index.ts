// The namespace `nn.utils`, as torch.nn.utils.
export {
  type ClipGradValueOptions,
  clipGradNorm_,
  clipGradsWithNorm_,
  clipGradValue_,
  getTotalNorm,
  type TotalNormOptions,
} from './clip-grad.js';
export { parametersToVector, vectorToParameters } from './parameters.js';
export * as rnn from './rnn.js';
