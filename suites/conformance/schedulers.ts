// Replay of recorded learning-rate sequences of PyTorch's schedulers: 60 steps, state dicts half way, and going on from PyTorch's.
//   replaySchedule(one, arraysOf('schedules')) throws at the first difference
import * as torch from 'torchstone';
import { type Arrays, decodedKwargs, differ, type Json } from './optim-recordings.js';

/** A scheduler's constructor call. */
export interface Spec {
  readonly name: string;
  readonly kwargs: Readonly<Record<string, Json>>;
}
export interface Schedule {
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

/** The optimizer of a recording, and its scheduler. */
export function makeSchedule(
  one: Pick<Schedule, 'spec' | 'optimizer' | 'options'>,
): [torch.optim.Optimizer, Scheduler] {
  const params = [2, 3].map((n) => torch.ones([n], { requiresGrad: true }));
  const groups = [{ params: [params[0]!] }, { params: [params[1]!], lr: 0.2 }];
  const optimizer = new torch.optim[one.optimizer](groups, decodedKwargs(one.options) as object);
  return [optimizer, build(one.spec, optimizer)];
}

function near(got: number, want: number, tensors: boolean): void {
  // Cosines of two mathematical libraries; rates that are tensors are of single precision.
  const relative = tensors ? 1e-6 : 1e-12;
  if (!(Math.abs(got - want) <= relative * Math.abs(want) + 1e-15))
    throw new Error(`${got}, PyTorch ${want}`);
}

function checkRow(one: Schedule, rows: Arrays, optimizer: torch.optim.Optimizer, at: number): void {
  const { data } = rows.get(one.id);
  optimizer.paramGroups.forEach((group, g) => {
    const [lr, momentum] = [data[at * 4 + g * 2] as number, data[at * 4 + g * 2 + 1] as number];
    near(Number(group.lr), lr, group.lr instanceof torch.Tensor);
    near((group.momentum ?? (group.betas as number[])[0]) as number, momentum, false);
  });
}

function advance(
  one: Schedule,
  rows: Arrays,
  optimizer: torch.optim.Optimizer,
  scheduler: Scheduler,
  step: number,
): void {
  optimizer.step();
  if (one.spec.name === 'ReduceLROnPlateau') scheduler.step(metric(step));
  else scheduler.step();
  checkRow(one, rows, optimizer, step + 1);
  differ(
    'getLastLr',
    scheduler.getLastLr().map(Number),
    optimizer.paramGroups.map((group) => Number(group.lr)),
  );
}

/** A state dict as it was recorded: infinities as texts, tensors as {tensor, dtype}. */
function sameState(got: unknown, want: Json, path: string): void {
  if (typeof want === 'number') near(got as number, want, false);
  else if (want === 'inf' || want === '-inf')
    differ(path, String(got), want === 'inf' ? 'Infinity' : '-Infinity');
  else if (Array.isArray(want)) {
    differ(path, (got as unknown[]).length, want.length);
    want.forEach((one, i) => {
      sameState((got as unknown[])[i], one as Json, `${path}.${i}`);
    });
  } else if (typeof want === 'object' && want !== null) {
    const record = want as Readonly<Record<string, Json>>;
    if ('tensor' in record) near(Number(got), record.tensor as number, true);
    else {
      differ(path, Object.keys(got as object).sort(), Object.keys(record).sort());
      for (const [key, one] of Object.entries(record))
        sameState((got as Record<string, unknown>)[key], one, `${path}.${key}`);
    }
  } else differ(path, got, want);
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

/** Sixty steps, and those after the 25th again from PyTorch's state. @throws Error at the first difference */
export function replaySchedule(one: Schedule, rows: Arrays): number {
  const [optimizer, scheduler] = makeSchedule(one);
  checkRow(one, rows, optimizer, 0);
  for (let step = 0; step < 60; step++) {
    advance(one, rows, optimizer, scheduler, step);
    if (step !== RELOAD - 1) continue;
    sameState(scheduler.stateDict(), one.state.scheduler, 'scheduler');
    sameState(optimizer.stateDict().param_groups, one.state.optimizer, 'optimizer');
  }
  const [again, resumed] = makeSchedule(one);
  resumed.loadStateDict(loadable(one.state.scheduler) as Record<string, unknown>);
  again.loadStateDict({
    state: {},
    param_groups: one.state.optimizer.map(loadable) as torch.optim.StateDict['param_groups'],
  });
  checkRow(one, rows, again, RELOAD);
  for (let step = RELOAD; step < 60; step++) advance(one, rows, again, resumed, step);
  return 4 * (60 + 60 - RELOAD);
}
