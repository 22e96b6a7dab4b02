// Gradient check of a user's function from the command line: random inputs of the given shapes, one result a check.
import * as engine from 'torchstone';
import { CannotRunError, type CaseResult, type SuiteResult } from '../../reports/schema/index.js';
import type { EngineTensor } from '../common/bind.js';
import { sizeOf } from '../common/shapes.js';
import { quoted } from '../common/shell.js';
import { suiteResult } from '../common/suite.js';
import type { Progress } from '../runner/progress.js';
import { loadUserFunction } from './load.js';
import { toCaseResult } from './outcome.js';
import { generator } from './problem.js';
import { GradcheckError, gradcheck } from './tensors.js';

/** What `checkUserFunction` is told. */
export interface UserCheckOptions {
  readonly seed: number;
  /** The gradient only. */
  readonly quick?: boolean;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Told of each result as it is there. */
  readonly each?: (result: CaseResult) => void;
}

const TRIALS = 3;

/** Gradient-checks `./file.ts#name` at three random points with inputs of these shapes. @throws CannotRunError */
export async function checkUserFunction(
  target: string,
  shapes: readonly (readonly number[])[],
  options: UserCheckOptions,
): Promise<SuiteResult> {
  const started = performance.now();
  const fn = await loadUserFunction(target);
  options.progress.begin(`gradcheck ${target}`, TRIALS);
  const results: CaseResult[] = [];
  for (let trial = 0; trial < TRIALS && !options.signal.aborted; trial += 1) {
    const seed = options.seed + trial;
    const begun = performance.now();
    const inputs = randomInputs(shapes, seed);
    try {
      const parts = options.quick ? ({ order: 1, forward: false } as const) : {};
      const report = gradcheck(fn, inputs, { seed, curve: () => true, ...parts });
      const id = `${target}/point-${trial}`;
      const replay = replayLine(target, shapes, options.seed);
      results.push(toCaseResult({ id, report, seconds: (performance.now() - begun) / 1000, replay }));
      options.each?.(results.at(-1)!);
      options.progress.step(id, report.verdict !== 'pass');
      // A word from the parent is heard between points.
      await new Promise((next) => setImmediate(next));
    } catch (error) {
      throw new CannotRunError(explain(target, shapes, error), { cause: error });
    }
  }
  options.progress.end();
  return suiteResult('gradcheck', results, (performance.now() - started) / 1000);
}

/** The command again, as a shell takes it. A 0-d shape is a comma. */
function replayLine(target: string, shapes: readonly (readonly number[])[], seed: number): string {
  const words = shapes.map((shape) => `--shape ${shape.join(',') || ','}`).join(' ');
  return `npx torchstone gradcheck ${quoted(target)} ${words} --seed ${seed}`;
}

function explain(target: string, shapes: readonly (readonly number[])[], error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof GradcheckError) return `${target}: ${text}`;
  const given = shapes.map((shape) => `[${shape.join(', ')}]`).join(', ');
  return `${target} throws with inputs of shapes ${given}: ${text}`;
}

/** Values of either sign, away from 0, where most kinks are. */
function randomInputs(shapes: readonly (readonly number[])[], seed: number): EngineTensor[] {
  const random = generator(seed);
  return shapes.map((shape) => {
    const data = Float64Array.from(
      { length: sizeOf(shape) },
      () => (random() < 0.5 ? -1 : 1) * (0.1 + 1.8 * random()),
    );
    return engine.tensor(data, { dtype: engine.float64 }).reshape([...shape]);
  });
}
