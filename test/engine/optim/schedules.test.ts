// Learning rate schedulers against recorded sequences of PyTorch's: 60 steps, state dicts half way, and going on from PyTorch's.
import { afterAll, describe, expect, it, vi } from 'vitest';
import * as torch from '../../../engine/index.js';
import { arraysOf, decodedKwargs, type Json, readPacked } from './recordings.js';

interface Spec {
  readonly name: string;
  readonly kwargs: Readonly<Record<string, Json>>;
}
interface Recorded {
  readonly id: string;
  readonly spec: Spec;
  readonly optimizer: 'SGD' | 'Adam';
  readonly options: Readonly<Record<string, Json>>;
  readonly state: {
    readonly scheduler: Readonly<Record<string, Json>>;
    readonly optimizer: readonly Readonly<Record<string, Json>>[];
  };
}
interface Scheduler {
  step(metric?: number): void;
  getLastLr(): (number | torch.Tensor)[];
  stateDict(): Record<string, unknown>;
  loadStateDict(state: Record<string, unknown>): void;
}

const RELOAD = 25;
const records = readPacked<Recorded[]>('schedules');
const rows = arraysOf('schedules');
const passed = new Set<string>();

/** The functions that stand in the recordings by name. */
const functions: Record<string, (x: number) => number> = {
  decay: (epoch) => 0.95 ** epoch,
  inverse: (epoch) => 1 / (1 + epoch),
  constant: () => 0.97,
  halves: (x) => 0.5 ** (x - 1),
};
const metric = (step: number): number => Math.round((Math.cos(step / 3) + 2 / (1 + step / 4)) * 1000) / 1000;

function resolved(value: unknown, optimizer: torch.optim.Optimizer): unknown {
  if (Array.isArray(value)) return value.map((one) => resolved(one, optimizer));
  if (typeof value !== 'object' || value === null) return value;
  if ('function' in value) return functions[value.function as string];
  return 'kwargs' in value ? build(value as Spec, optimizer) : value;
}

function build(spec: Spec, optimizer: torch.optim.Optimizer): Scheduler {
  const options = Object.fromEntries(
    Object.entries(spec.kwargs).map(([name, value]) => [name, resolved(value, optimizer)]),
  );
  const { lrScheduler, swaUtils } = torch.optim;
  const list = options.schedulers as torch.optim.lrScheduler.Combinable[];
  if (spec.name === 'ChainedScheduler') return new lrScheduler.ChainedScheduler(list);
  if (spec.name === 'SequentialLR')
    return new lrScheduler.SequentialLR(optimizer, list, options.milestones as number[]);
  const classes = { ...lrScheduler, ...swaUtils } as unknown as Record<
    string,
    new (
      ...args: unknown[]
    ) => Scheduler
  >;
  return new classes[spec.name]!(optimizer, options);
}

function make(one: Pick<Recorded, 'spec' | 'optimizer' | 'options'>): [torch.optim.Optimizer, Scheduler] {
  const params = [2, 3].map((n) => torch.ones([n], { requiresGrad: true }));
  const groups = [{ params: [params[0]!] }, { params: [params[1]!], lr: 0.2 }];
  const optimizer = new torch.optim[one.optimizer](groups, decodedKwargs(one.options) as object);
  return [optimizer, build(one.spec, optimizer)];
}

function near(got: number, want: number, tensors: boolean): void {
  // Cosines of two mathematical libraries; rates that are tensors are of single precision.
  const relative = tensors ? 1e-6 : 1e-12;
  if (!(Math.abs(got - want) <= relative * Math.abs(want) + 1e-15)) expect.fail(`${got}, PyTorch ${want}`);
}

function checkRow(one: Recorded, optimizer: torch.optim.Optimizer, at: number): void {
  const { data } = rows.get(one.id);
  optimizer.paramGroups.forEach((group, g) => {
    const [lr, momentum] = [data[at * 4 + g * 2] as number, data[at * 4 + g * 2 + 1] as number];
    near(Number(group.lr), lr, group.lr instanceof torch.Tensor);
    near((group.momentum ?? (group.betas as number[])[0]) as number, momentum, false);
  });
}

function advance(one: Recorded, optimizer: torch.optim.Optimizer, scheduler: Scheduler, step: number): void {
  optimizer.step();
  if (one.spec.name === 'ReduceLROnPlateau') scheduler.step(metric(step));
  else scheduler.step();
  checkRow(one, optimizer, step + 1);
  expect(scheduler.getLastLr().map(Number)).toEqual(optimizer.paramGroups.map((group) => Number(group.lr)));
}

/** A state dict as it was recorded: infinities as texts, tensors as {tensor, dtype}. */
function sameState(got: unknown, want: Json, path: string): void {
  if (typeof want === 'number') near(got as number, want, false);
  else if (want === 'inf' || want === '-inf') expect(got, path).toBe(want === 'inf' ? Infinity : -Infinity);
  else if (Array.isArray(want)) {
    expect((got as unknown[]).length, path).toBe(want.length);
    want.forEach((one, i) => {
      sameState((got as unknown[])[i], one as Json, `${path}.${i}`);
    });
  } else if (typeof want === 'object' && want !== null) {
    const record = want as Readonly<Record<string, Json>>;
    if ('tensor' in record) near(Number(got), record.tensor as number, true);
    else {
      expect(Object.keys(got as object).sort(), path).toEqual(Object.keys(record).sort());
      for (const [key, one] of Object.entries(record))
        sameState((got as Record<string, unknown>)[key], one, `${path}.${key}`);
    }
  } else expect(got, path).toBe(want);
}

/** The same as values to load. */
function loadable(value: Json): unknown {
  if (value === 'inf' || value === '-inf') return value === 'inf' ? Infinity : -Infinity;
  if (Array.isArray(value)) return value.map((one) => loadable(one as Json));
  if (typeof value !== 'object' || value === null) return value;
  const record = value as Readonly<Record<string, Json>>;
  if ('tensor' in record) return torch.tensor(record.tensor as number);
  return Object.fromEntries(Object.entries(record).map(([k, v]) => [k, loadable(v)]));
}

describe.each(records)('$id $spec.name $optimizer $options', (one) => {
  it('sets the rates of PyTorch', () => {
    const [optimizer, scheduler] = make(one);
    checkRow(one, optimizer, 0);
    for (let step = 0; step < 60; step++) {
      advance(one, optimizer, scheduler, step);
      if (step !== RELOAD - 1) continue;
      sameState(scheduler.stateDict(), one.state.scheduler, 'scheduler');
      sameState(optimizer.stateDict().param_groups, one.state.optimizer, 'optimizer');
    }
    passed.add(one.spec.name);
  });

  it('goes on from the state of PyTorch', () => {
    const [optimizer, scheduler] = make(one);
    scheduler.loadStateDict(loadable(one.state.scheduler) as Record<string, unknown>);
    const groups = one.state.optimizer.map(loadable) as torch.optim.StateDict['param_groups'];
    optimizer.loadStateDict({ state: {}, param_groups: groups });
    checkRow(one, optimizer, RELOAD);
    for (let step = RELOAD; step < 60; step++) advance(one, optimizer, scheduler, step);
  });
});

interface ErrorInput {
  readonly spec: Spec;
  readonly class: string;
  readonly text: string;
}
const { schedulers: errors } = readPacked<{ schedulers: ErrorInput[] }>('errors');
it.each(errors)('$spec.name $spec.kwargs is an error', ({ spec, class: name, text }) => {
  let thrown: Error | null = null;
  try {
    make({ spec, optimizer: 'SGD', options: { lr: 0.05, momentum: 0.9 } });
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

afterAll(() => {
  const names = Object.keys(torch.optim.lrScheduler).filter((name) => name !== 'LRScheduler');
  const count = names.filter((name) => passed.has(name)).length;
  console.log(`schedulers: ${count} of ${names.length}, and ${records.length} sequences of 60 steps`);
});
