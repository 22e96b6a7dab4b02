// `torchstone/vitest`: a gradient check that fails a test with the worst entry in its message. Works in any test
// runner.
import type { EngineTensor } from './common/bind.js';
import type { GradcheckReport } from './gradcheck/report.js';
import { type GradcheckOptions, gradcheck, type TensorFunction } from './gradcheck/tensors.js';

export { type GradcheckOptions, type GradcheckReport, gradcheck, type TensorFunction };

/**
 * Fails unless the gradients of `fn` at `inputs` agree with central differences; an undecided check fails too.
 * Returns the report.
 */
export function expectGradientsToMatch(
  fn: TensorFunction,
  inputs: readonly EngineTensor[],
  options: GradcheckOptions = {},
): GradcheckReport {
  const report = gradcheck(fn, inputs, options);
  if (report.verdict === 'pass') return report;
  const error = new Error(
    report.verdict === 'fail' ? report.message : `undecided, which is not a pass: ${report.message}`,
  );
  error.name = 'GradientMismatch';
  throw error;
}
