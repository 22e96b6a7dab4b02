// The gradcheck suite: every differentiable op's recorded inputs in float64 against central differences.

import type { ArgSpec } from 'torchstone';
import * as engine from 'torchstone';
import { type CaseResult, nothingToRun, type SuiteResult } from '../../reports/schema/index.js';
import {
  arrayOf,
  type EngineTensor,
  flattenResult,
  inputTensor,
  positional,
  tensorOf,
} from '../common/bind.js';
import { FixtureError, type Fixtures, openFixtures } from '../common/fixtures.js';
import type { FixtureCase } from '../common/manifest.js';
import { type RegisteredOp, registeredOps } from '../common/registry.js';
import { type SelectedCase, selectCases, staleness } from '../common/select.js';
import { sizeOf } from '../common/shapes.js';
import { type Suite, type SuiteOptions, suiteResult } from '../common/suite.js';
import { eachCase } from '../runner/each-case.js';
import { toCaseResult } from './outcome.js';
import { generator } from './problem.js';
import { closeness, type GradcheckReport, type JacobianEntry } from './report.js';
import { TIES } from './subgradients.js';
import { type GradcheckOptions, gradcheck, type TensorFunction } from './tensors.js';

const SECOND_ORDER_SIZE = 64;

/** The gradcheck suite. */
export const gradcheckSuite: Suite = { name: 'gradcheck', run: (options) => gradcheckOps(options) };

/** What may be checked instead of the registry and the fixtures on disk: for tests. */
export interface GradcheckSources {
  readonly ops?: readonly RegisteredOp[];
  readonly fixtures?: Fixtures;
}

/** Gradient-checks the ops that the filter names. @throws CannotRunError when nothing would be checked. */
export async function gradcheckOps(
  options: SuiteOptions,
  sources: GradcheckSources = {},
): Promise<SuiteResult> {
  const started = performance.now();
  const fixtures = sources.fixtures ?? (await openFixtures(options.fixtures));
  const all = selectCases(sources.ops ?? registeredOps(), fixtures, options.filter);
  const ids = new Set(all.map((one) => one.id));
  const named = options.filter !== undefined;
  const chosen = all.filter((one) => isCandidate(one, named) && (named || !ids.has(twinOf(one.id))));
  const missing = options.filter === undefined ? uncovered(all, chosen) : [];
  if (chosen.length === 0 && missing.length === 0)
    throw nothingToRun(`no case of '${options.filter}' has a gradient to check`);
  const results = await eachCase(
    'gradcheck',
    chosen,
    options,
    (one) => checkCase(one, fixtures, options),
    // A part of a run says it once.
    (options.shard?.index ?? 0) === 0 && options.done === undefined ? [...missing] : [],
  );
  return suiteResult('gradcheck', results, (performance.now() - started) / 1000);
}

/**
 * Whether a case is worth a check of its own: the layout and the method's spelling make no difference to a derivative, and
 * of the same call in float32 and float64 the latter will do. A filter gets what it names.
 */
export function isCandidate(one: SelectedCase, named: boolean): boolean {
  const { op, recorded, declared } = one;
  if (!op || op.notDifferentiable !== undefined || !recorded?.outputs) return false;
  if (declared?.valuesUndefined || !recorded.inputs.some((input) => input.grad)) return false;
  const empty = (one: object) => !('shape' in one) || (one.shape as readonly number[]).includes(0);
  if (recorded.inputs.some(empty) || recorded.outputs.every(empty)) return false;
  if (declared?.noGrad === undefined && !recorded.gradients.includes(true)) return false;
  if (named) return true;
  const spelling = recorded.variant !== 'method' || !op.variants.includes('function');
  return spelling && /,contiguous(,|$)/.test(one.id);
}

/** The same call in float64; the id itself where there can be none. */
function twinOf(id: string): string {
  return id.includes('@float32,') ? id.replace('@float32,', '@float64,') : '';
}

/** Differentiable ops of which no case was chosen: each is an error, for an unchecked gradient is not a right one. */
function uncovered(all: readonly SelectedCase[], chosen: readonly SelectedCase[]): CaseResult[] {
  // A sample that says why its gradient cannot be checked stands in the report as a skip.
  const excused = all.filter((one) => one.declared?.noGrad !== undefined);
  const covered = new Set([...chosen, ...excused].map((one) => one.opName));
  const names = new Set(
    all.flatMap((one) => (one.op && one.op.notDifferentiable === undefined ? [one.opName] : [])),
  );
  return [...names]
    .filter((name) => !covered.has(name))
    .map((name) => ({
      id: `${name}/none`,
      op: name,
      suite: 'gradcheck',
      status: 'error',
      reason: `${name} is differentiable, but no recorded case has a gradient: add a sample and run npm run fixtures`,
      seconds: 0,
      compared: 0,
    }));
}

/** Checks the gradient of one case; at a kink, close by. Throws for a fixture that cannot be read only. */
export function checkCase(
  one: SelectedCase,
  fixtures: Fixtures,
  options: Pick<SuiteOptions, 'seed' | 'quick'>,
): CaseResult {
  const started = performance.now();
  const seed = options.seed === 0 ? '' : ` --seed ${options.seed}`;
  const replay = `npx torchstone gradcheck --filter '${one.id}'${seed}`;
  const base = { id: one.id, op: one.opName, suite: 'gradcheck', compared: 0, replay } as const;
  const seconds = () => (performance.now() - started) / 1000;
  const skip = one.declared?.noGrad ?? precisionReason(one.recorded!) ?? finiteReason(one, fixtures);
  if (skip !== undefined) return { ...base, status: 'skip', reason: skip, seconds: seconds() };
  const stale = staleness(one);
  if (stale !== undefined) return { ...base, status: 'error', reason: stale, seconds: seconds() };
  try {
    const coarse = resultReason(one.op!, one.recorded!, fixtures);
    if (coarse !== undefined) return { ...base, status: 'skip', reason: coarse, seconds: seconds() };
    const report = nonesHeld(here(one, fixtures, options), one.recorded!);
    return toCaseResult({ id: one.id, op: one.opName, report, seconds: seconds(), replay });
  } catch (error) {
    if (error instanceof FixtureError) throw error;
    const text = error instanceof Error ? error.message : String(error);
    return {
      ...base,
      status: 'fail',
      message: `${one.opName}: the call throws: ${text}`,
      seconds: seconds(),
    };
  }
}

/** At the recorded point, and close by where that is a kink: there a derivative exists. */
function here(
  { op, opName, recorded }: SelectedCase,
  fixtures: Fixtures,
  options: Pick<SuiteOptions, 'seed' | 'quick'>,
): GradcheckReport {
  const ties = TIES[opName];
  const settings: GradcheckOptions = {
    ...{ seed: options.seed, order: orderOf(recorded!, options), forward: options.quick !== true },
    curve: closestYet,
    ...(ties === undefined ? {} : { ties }),
  };
  const at = gradcheckCase(op!, recorded!, fixtures, settings);
  if (at.verdict === 'fail' || (at.verdict === 'pass' && at.tied === 0)) return at;
  // What no rule decides here, validate holds against PyTorch's own gradient.
  const near = gradcheckCase(op!, recorded!, fixtures, { ...settings, nudge: true });
  return { ...near, tied: at.tied, compared: near.compared + at.tied };
}

/** PyTorch's recording says to which inputs no gradient flows: None there must be None here, and zeros zeros. */
function nonesHeld(report: GradcheckReport, { inputs, gradients }: FixtureCase): GradcheckReport {
  const want = inputs.flatMap((input, k) => (input.grad && !gradients[k] ? [k] : []));
  if (report.verdict !== 'pass' || String(want) === String(report.none)) return report;
  const list = (which: readonly number[]) => which.map((k) => `in${k}`).join(', ') || 'no input';
  const message = `the gradient is None of ${list(report.none)}, in PyTorch of ${list(want)}`;
  return { ...report, verdict: 'fail', failed: report.failed + 1, message };
}

let closest = 0;

/** The closest calls of a run are drawn, as failures are: each that is closer than all before it. */
function closestYet(worst: JacobianEntry): boolean {
  const now = closeness(worst);
  if (worst.verdict !== 'pass') return true;
  if (worst.tied || now <= closest) return false;
  closest = now;
  return true;
}

/** Second derivatives are checked once an op and shape: mixtures of dtypes and long vectors would only repeat them. */
function orderOf(recorded: FixtureCase, options: Pick<SuiteOptions, 'quick'>): 1 | 2 {
  if (options.quick) return 1;
  const simple = recorded.variant !== 'inplace' && recorded.inputs.every((input) => input.grad);
  const size = recorded.inputs.reduce((sum, input) => sum + sizeOf(input.shape), 0);
  return simple && size <= SECOND_ORDER_SIZE ? 2 : 1;
}

/** Checks one recorded call with its inputs widened to float64. */
export function gradcheckCase(
  op: RegisteredOp,
  recorded: FixtureCase,
  fixtures: Fixtures,
  options: GradcheckOptions & { readonly nudge?: boolean },
): ReturnType<typeof gradcheck> {
  const inputs = wideInputs(op, recorded, fixtures).map((one, k) =>
    options.nudge && recorded.inputs[k]!.grad ? nudged(one, (options.seed ?? 0) + k) : one,
  );
  const wrt = recorded.inputs.flatMap((input, k) => (input.grad ? [k] : []));
  return gradcheck(functionOf(op, recorded), inputs, { ...options, wrt });
}

/** The recorded inputs, floating ones in float64 and complex ones in complex128. */
function wideInputs(op: RegisteredOp, recorded: FixtureCase, fixtures: Fixtures): EngineTensor[] {
  return recorded.inputs.map((input, k) => {
    const tensor = inputTensor(fixtures.array(op.name, `${recorded.id}/in${k}`), input);
    if (tensor.isComplex()) return engine.noGrad(() => tensor.to(engine.complex128));
    return tensor.isFloatingPoint() ? engine.noGrad(() => tensor.to(engine.float64)) : tensor;
  });
}

/** An op that leaves float64 whatever it is given (`x.float()`) has no values whose differences could be taken. */
function resultReason(op: RegisteredOp, recorded: FixtureCase, fixtures: Fixtures): string | undefined {
  const result = functionOf(op, recorded)(...wideInputs(op, recorded, fixtures));
  const outputs = result instanceof engine.Tensor ? [result] : result;
  const fine: readonly unknown[] = [engine.float64, engine.complex128];
  const coarse = outputs.find(
    (one) => (one.isFloatingPoint() || one.isComplex()) && !fine.includes(one.dtype),
  );
  return (
    coarse && `the result is ${coarse.dtype.name} even of float64: central differences cannot resolve it`
  );
}

/** The same values, each moved up by up to 2 %, no two of them alike. */
function nudged(tensor: EngineTensor, seed: number): EngineTensor {
  const random = generator(seed + 17);
  const { data, shape } = arrayOf(tensor);
  const moved = Float64Array.from(
    data as ArrayLike<number>,
    (value) => value + (0.003 + 0.017 * random()) * Math.max(0.5, Math.abs(value)),
  );
  return tensorOf({ data: moved, shape, dtype: tensor.dtype.name });
}

/** The recorded call as a function of its tensors. An in-place one changes a copy: a leaf that takes a gradient may not be changed. */
function functionOf(op: RegisteredOp, recorded: FixtureCase): TensorFunction {
  return (...tensors) => {
    const given = recorded.variant === 'inplace' ? [tensors[0]!.clone(), ...tensors.slice(1)] : tensors;
    const bound = positional(op.params, recorded.args, recorded.kwargs, given);
    const call = recorded.variant === 'inplace' ? op.op.inplace! : op.op.impl;
    const result = flattenResult(call.apply(op.op, bound));
    return result.filter((one): one is EngineTensor => one instanceof engine.Tensor);
  };
}

/** A call that names a coarser dtype computes in it whatever its inputs are: differences of its values say nothing. */
function precisionReason(recorded: FixtureCase): string | undefined {
  const coarse = (arg: ArgSpec): boolean =>
    Array.isArray(arg)
      ? arg.some(coarse)
      : typeof arg === 'object' && arg !== null && 'dtype' in arg && arg.dtype !== 'float64';
  const asked = [...recorded.args, ...Object.values(recorded.kwargs)].some(coarse);
  return asked
    ? 'the call asks for a dtype coarser than float64: central differences cannot resolve it'
    : undefined;
}

/** Where PyTorch's own result is NaN or infinite there is no derivative to speak of. */
function finiteReason({ opName, recorded }: SelectedCase, fixtures: Fixtures): string | undefined {
  const values = recorded!.outputs!.flatMap(
    (_, k) => fixtures.maybeArray(opName, `${recorded!.id}/out${k}`) ?? [],
  );
  const finite = values.every((one) =>
    one.data.every((value: number | bigint) => Number.isFinite(Number(value))),
  );
  return finite ? undefined : 'the result is not finite here, in PyTorch too';
}
