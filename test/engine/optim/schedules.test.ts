// Learning rate schedulers: what PyTorch refuses, and warnings. Their sequences are part of conformance.
import { describe, expect, it, vi } from 'vitest';
import * as torch from '../../../engine/index.js';
import { readPacked } from '../../../suites/conformance/optim-recordings.js';
import { makeSchedule, type Spec } from '../../../suites/conformance/schedulers.js';

interface ErrorInput {
  readonly spec: Spec;
  readonly class: string;
  readonly text: string;
}
const { schedulers: errors } = readPacked<{ schedulers: ErrorInput[] }>('errors');
it.each(errors)('$spec.name $spec.kwargs is an error', ({ spec, class: name, text }) => {
  let thrown: Error | null = null;
  try {
    makeSchedule({ spec, optimizer: 'SGD', options: { lr: 0.05, momentum: 0.9 } });
  } catch (error) {
    thrown = error as Error;
  }
  // There is no KeyError: a missing option is a value that does not fit.
  expect(thrown?.name).toBe(name === 'KeyError' ? 'ValueError' : name);
  expect(thrown?.message).toBe(text);
});

describe('warnings', () => {
  it('a scheduler that is stepped before its optimizer', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const optimizer = new torch.optim.SGD([torch.ones([1], { requiresGrad: true })], 0.1);
    const scheduler = new torch.optim.lrScheduler.StepLR(optimizer, 2);
    scheduler.step();
    expect(warned.mock.calls[0]![0]).toMatch(
      /^Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`/,
    );
    scheduler.getLr();
    expect(warned.mock.calls[1]![0]).toMatch(/please use `get_last_lr\(\)`/);
    warned.mockRestore();
  });
});
