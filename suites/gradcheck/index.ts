// Public face of the gradient check: the suite, and `gradcheck(fn, inputs)`.
export type { CheckOptions } from './context.js';
export { loadUserFunction } from './load.js';
export type { GradcheckReport, JacobianEntry, Verdict } from './report.js';
export type { TieRule } from './subgradients.js';
export { gradcheckSuite } from './suite.js';
export { GradcheckError, type GradcheckOptions, gradcheck, type TensorFunction } from './tensors.js';
export { checkUserFunction } from './user.js';
