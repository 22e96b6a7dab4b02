// Optimizers: parameter groups, state, step, state dicts and hooks; a subclass is an update of one group.
//   const optimizer = new Adam(model.parameters(), { lr: 1e-3 }); loss.backward(); optimizer.step(); optimizer.zeroGrad();
import { enableGrad, gradMode } from '../autograd/grad-mode.js';
import { float32, float64, getDefaultDtype } from '../core/dtype.js';
import { ArgumentError, describe, message, RuntimeError, ValueError } from '../core/errors.js';
import { isOptions, readOptions } from '../core/options.js';
import { Tensor } from '../core/tensor.js';
import { pythonText } from '../format/python-text.js';
import { tensor } from '../generated/functions.js';
import { readGroup } from './_groups.js';
import { pythonName } from './_python.js';
import { packStateDict, type StateDict, unpackStateDict } from './_state-dict.js';

/** What an optimizer takes: tensors, named tensors, or groups of either with options of their own. */
export type Params = Iterable<Tensor> | Iterable<readonly [string, Tensor]> | Iterable<GroupLike>;
/** A group as it is given: its parameters and the options that differ from the optimizer's. */
export interface GroupLike {
  readonly params: Tensor | Iterable<Tensor> | Iterable<readonly [string, Tensor]>;
  readonly [option: string]: unknown;
}
/** A group of parameters with all its options. */
export interface ParamGroup {
  params: Tensor[];
  lr: number | Tensor;
  /** Where the parameters came with names. */
  paramNames?: string[];
  [option: string]: unknown;
}
/** State of one parameter, by our names: `expAvg`. */
export type ParamState = Record<string, unknown>;
export type { StateDict } from './_state-dict.js';

/** The closure of a step: computes the loss anew, with its gradients. */
export type Closure = () => Tensor | number;
export interface HookHandle {
  remove(): void;
}
/** Before a step; what it returns replaces the arguments of `step`. */
export type StepPreHook = (optimizer: Optimizer, args: readonly unknown[]) => readonly unknown[] | undefined;
export type StepPostHook = (optimizer: Optimizer, args: readonly unknown[]) => void;
export type StateDictHook = (optimizer: Optimizer) => void;
/** What it returns replaces the state dict. */
export type StateDictFilter = (optimizer: Optimizer, stateDict: StateDict) => StateDict | undefined;
export interface HookOptions {
  /** Before the hooks that are there. */
  readonly prepend?: boolean;
}
export interface ZeroGradOptions {
  /** Drop gradients instead of filling them with zeros. Default true. */
  readonly setToNone?: boolean;
}

/** Hooks of one kind, in order. */
class Hooks<F> {
  #list: { readonly hook: F }[] = [];
  add(hook: F, prepend = false): HookHandle {
    const entry = { hook };
    this.#list = prepend ? [entry, ...this.#list] : [...this.#list, entry];
    const remove = (): void => {
      this.#list = this.#list.filter((one) => one !== entry);
    };
    return { remove };
  }
  *[Symbol.iterator](): IterableIterator<F> {
    for (const { hook } of this.#list) yield hook;
  }
}

const globalPreHooks = new Hooks<StepPreHook>();
const globalPostHooks = new Hooks<StepPostHook>();
/** Calls `hook` before each step of every optimizer. */
export function registerOptimizerStepPreHook(hook: StepPreHook): HookHandle {
  return globalPreHooks.add(hook);
}
/** Calls `hook` after each step of every optimizer. */
export function registerOptimizerStepPostHook(hook: StepPostHook): HookHandle {
  return globalPostHooks.add(hook);
}

/** A warning as PyTorch's UserWarning. */
export function warn(text: string): void {
  process.emitWarning(text, 'UserWarning');
}

/** A count of steps as PyTorch keeps it: a 0-d tensor, float64 where that is the default dtype. */
export function scalarState(value: number): Tensor {
  return tensor(value, { dtype: getDefaultDtype() === float64 ? float64 : float32 });
}

/**
 * The base of all optimizers, torch.optim.Optimizer. A subclass gives its defaults and implements `updateGroup`.
 * @throws ArgumentError where `params` is no iterable of tensors; ValueError for empty and repeated parameters, as PyTorch
 */
export abstract class Optimizer<G extends ParamGroup = ParamGroup> {
  /** The options of a group that gives none. */
  readonly defaults: Omit<G, 'params' | 'paramNames'>;
  paramGroups: G[] = [];
  /** What a parameter's updates remember, by parameter. */
  state = new Map<Tensor | string, ParamState>();
  readonly #hooks = {
    pre: new Hooks<StepPreHook>(),
    post: new Hooks<StepPostHook>(),
    beforeSave: new Hooks<StateDictHook>(),
    afterSave: new Hooks<StateDictFilter>(),
    beforeLoad: new Hooks<StateDictFilter>(),
    afterLoad: new Hooks<StateDictHook>(),
  };
  /** @internal Whether a step was taken since the first learning rate scheduler was made; undefined before that. */
  steppedUnderSchedule: boolean | undefined;

  constructor(params: Params, defaults: Omit<G, 'params' | 'paramNames'>) {
    this.defaults = defaults;
    for (const group of groupsOf(params)) this.addParamGroup(group);
  }

  /** Updates the parameters of one group that have gradients. */
  protected abstract updateGroup(group: G): void;
  /** Options whose integral values Python prints with a decimal point: their defaults are floats. */
  protected get floatOptions(): readonly string[] {
    return [];
  }
  /** What no loaded group may differ in. */
  protected get forcedOptions(): Readonly<Record<string, unknown>> {
    return {};
  }
  /** What a group loaded from a state dict of an older version lacks. */
  protected get loadDefaults(): Readonly<Record<string, unknown>> {
    return {};
  }

  /**
   * One step: updates every parameter that has a gradient, without recording.
   * @param closure computes the loss and its gradients anew; called with recording on
   * @returns what the closure returned, else null
   */
  step(closure?: Closure): Tensor | number | null {
    let args: readonly unknown[] = closure === undefined ? [] : [closure];
    for (const hook of [...globalPreHooks, ...this.#hooks.pre]) {
      const changed = hook(this, args);
      if (changed === undefined || changed === null) continue;
      if (!Array.isArray(changed)) {
        const hint = `step must return None or a tuple of (new_args, new_kwargs), but got ${describe(changed)}.`;
        throw new RuntimeError(
          message('step', 'hooks that return new arguments or nothing', describe(changed), hint),
        );
      }
      args = changed;
    }
    if (this.steppedUnderSchedule !== undefined) this.steppedUnderSchedule = true;
    const before = gradMode.enabled;
    gradMode.enabled = this.defaults.differentiable === true;
    let loss: Tensor | number | null;
    try {
      loss = this.run(args[0] as Closure | undefined);
    } finally {
      gradMode.enabled = before;
    }
    for (const hook of [...this.#hooks.post, ...globalPostHooks]) hook(this, args);
    return loss;
  }

  /** The step between its hooks. */
  protected run(closure: Closure | undefined): Tensor | number | null {
    const loss = closure === undefined ? null : enableGrad(closure);
    for (const group of this.paramGroups) this.updateGroup(group);
    return loss;
  }

  /** The state of a parameter, empty where it has none. */
  protected stateOf(param: Tensor): ParamState {
    let state = this.state.get(param);
    if (state === undefined) {
      state = {};
      this.state.set(param, state);
    }
    return state;
  }

  /** Clears the gradients of all parameters. */
  zeroGrad(options?: boolean | ZeroGradOptions): void {
    const { setToNone = true } =
      typeof options === 'boolean'
        ? { setToNone: options }
        : readOptions<ZeroGradOptions>('zeroGrad', options, ['setToNone']);
    for (const { params } of this.paramGroups) {
      for (const p of params) {
        if (p.grad === null) continue;
        if (setToNone) p.grad = null;
        else {
          if (p.grad.gradFn !== null) p.grad = p.grad.detach();
          p.grad.requiresGrad_(false).zero_();
        }
      }
    }
  }

  /** Adds a group, for parameters that are trained from now on. Missing options are the optimizer's defaults. */
  addParamGroup(group: GroupLike): void {
    const differentiable = this.defaults.differentiable === true;
    this.paramGroups.push(readGroup(group, this.defaults, this.paramGroups, differentiable) as G);
  }

  /** State and groups in the form of PyTorch's checkpoints: parameters by number, names in Python's spelling. Tensors are shared. */
  stateDict(): StateDict {
    for (const hook of this.#hooks.beforeSave) hook(this);
    let packed = packStateDict(this.paramGroups, this.state);
    for (const hook of this.#hooks.afterSave) packed = hook(this, packed) ?? packed;
    return packed;
  }

  /**
   * Takes state and groups from a state dict, PyTorch's too. State gets the dtype and device of its parameter.
   * @throws ValueError where groups differ in number or size
   */
  loadStateDict(stateDict: StateDict): void {
    let given: StateDict = { ...stateDict };
    for (const hook of this.#hooks.beforeLoad) given = hook(this, given) ?? given;
    const { groups, state } = unpackStateDict(given, this.paramGroups);
    this.paramGroups = groups.map((group) => ({
      ...this.loadDefaults,
      ...group,
      ...this.forcedOptions,
    })) as unknown as G[];
    this.state = state;
    for (const of of state.values()) {
      for (const name of ['step', 'eta', 'mu', 'muProduct'])
        if (typeof of[name] === 'number') of[name] = scalarState(of[name]);
    }
    for (const hook of this.#hooks.afterLoad) hook(this);
  }

  registerStepPreHook(hook: StepPreHook): HookHandle {
    return this.#hooks.pre.add(hook);
  }
  registerStepPostHook(hook: StepPostHook): HookHandle {
    return this.#hooks.post.add(hook);
  }
  registerStateDictPreHook(hook: StateDictHook, options?: HookOptions): HookHandle {
    return this.#hooks.beforeSave.add(hook, prepends('registerStateDictPreHook', options));
  }
  registerStateDictPostHook(hook: StateDictFilter, options?: HookOptions): HookHandle {
    return this.#hooks.afterSave.add(hook, prepends('registerStateDictPostHook', options));
  }
  registerLoadStateDictPreHook(hook: StateDictFilter, options?: HookOptions): HookHandle {
    return this.#hooks.beforeLoad.add(hook, prepends('registerLoadStateDictPreHook', options));
  }
  registerLoadStateDictPostHook(hook: StateDictHook, options?: HookOptions): HookHandle {
    return this.#hooks.afterLoad.add(hook, prepends('registerLoadStateDictPostHook', options));
  }

  /** PyTorch's repr. */
  toString(): string {
    const groups = this.paramGroups.map((group, i) => {
      const lines = Object.entries(group)
        .filter(([name]) => name !== 'params')
        .map(
          ([name, value]) => [pythonName(name), pythonText(value, this.floatOptions.includes(name))] as const,
        )
        .sort(([a], [b]) => (a < b ? -1 : 1));
      return `\nParameter Group ${i}\n${lines.map(([name, text]) => `    ${name}: ${text}\n`).join('')}`;
    });
    return `${this.constructor.name} (${groups.join('')})`;
  }
}

const prepends = (op: string, options?: HookOptions): boolean =>
  readOptions<HookOptions>(op, options, ['prepend']).prepend === true;

function groupsOf(params: Params): readonly GroupLike[] {
  if (params instanceof Tensor) {
    throw new ArgumentError(
      `params argument given to the optimizer should be an iterable of Tensors or dicts, but got torch.${params.dtype.title}Tensor`,
    );
  }
  if (params === null || typeof params !== 'object' || !(Symbol.iterator in params))
    throw new ArgumentError(
      message('params', 'an iterable of tensors, named tensors or groups', describe(params)),
    );
  const all = [...(params as Iterable<unknown>)];
  if (all.length === 0) throw new ValueError('optimizer got an empty parameter list');
  return isOptions(all[0]) ? (all as GroupLike[]) : [{ params: all as Tensor[] }];
}
