// State dicts of optimizers in PyTorch's form: parameters by number, names in Python's spelling.
//   { state: { 0: { step, exp_avg, exp_avg_sq } }, param_groups: [{ lr, betas, …, params: [0, 1] }] }
import { float32 } from '../core/dtype.js';
import { ValueError } from '../core/errors.js';
import { isOptions } from '../core/options.js';
import { Tensor } from '../core/tensor.js';
import { ownName, pythonName } from './_python.js';
import type { ParamGroup, ParamState } from './optimizer.js';

/** A group with its parameters' numbers. */
export interface PackedGroup {
  readonly params: readonly number[];
  readonly [option: string]: unknown;
}
export interface StateDict {
  readonly state: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly param_groups: readonly PackedGroup[];
  readonly [key: string]: unknown;
}

const renamed = (
  of: Readonly<Record<string, unknown>>,
  to: (name: string) => string,
): Record<string, unknown> =>
  Object.fromEntries(Object.entries(of).map(([name, value]) => [to(name), value]));

export function packStateDict(
  groups: readonly ParamGroup[],
  state: ReadonlyMap<Tensor | string, ParamState>,
): StateDict {
  const numbers = new Map<Tensor, number>();
  let start = 0;
  const packedGroups = groups.map(({ params, ...options }) => {
    params.forEach((p, i) => {
      if (!numbers.has(p)) numbers.set(p, start + i);
    });
    start += params.length;
    return { ...renamed(options, pythonName), params: params.map((p) => numbers.get(p)!) };
  });
  const packed = [...state].map(
    ([key, of]) => [key instanceof Tensor ? numbers.get(key) : key, renamed(of, pythonName)] as const,
  );
  return { state: Object.fromEntries(packed), param_groups: packedGroups };
}

/** The groups and the state in a state dict, for the parameters of `groups`. @throws ValueError where they do not match */
export function unpackStateDict(
  given: StateDict,
  groups: readonly ParamGroup[],
): { groups: ParamGroup[]; state: Map<Tensor | string, ParamState> } {
  const saved = given.param_groups;
  if (groups.length !== saved.length)
    throw new ValueError('loaded state dict has a different number of parameter groups');
  if (groups.some((g, i) => g.params.length !== saved[i]!.params.length)) {
    throw new ValueError(
      "loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
    );
  }
  const byNumber = new Map<string, { param: Tensor; group: PackedGroup }>();
  groups.forEach((g, i) => {
    g.params.forEach((param, k) => {
      byNumber.set(String(saved[i]!.params[k]!), { param, group: saved[i]! });
    });
  });
  const state = new Map<Tensor | string, ParamState>();
  for (const [key, of] of Object.entries(given.state)) {
    const found = byNumber.get(key);
    if (found === undefined) state.set(key, renamed(of, ownName));
    else state.set(found.param, stateFor(found.param, found.group, of));
  }
  return { groups: groups.map((g, i) => restored(g, saved[i]!)), state };
}

function restored(group: ParamGroup, { params: _, ...options }: PackedGroup): ParamGroup {
  const found = renamed(copied(options) as Record<string, unknown>, ownName);
  if (group.paramNames !== undefined) found.paramNames ??= group.paramNames;
  return { ...found, params: group.params } as ParamGroup;
}

/** A deep copy: what is loaded is no longer shared with the state dict. */
function copied(value: unknown): unknown {
  if (value instanceof Tensor) return value.detach().clone();
  if (Array.isArray(value)) return value.map(copied);
  if (isOptions(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, copied(v)]));
  return value;
}

function stateFor(param: Tensor, group: PackedGroup, of: Readonly<Record<string, unknown>>): ParamState {
  const onDevice = group.capturable === true || group.fused === true;
  const cast = (value: unknown, key?: string): unknown => {
    if (value instanceof Tensor) {
      if (key === 'step') return onDevice ? value.to(param.device).to(float32) : value;
      return param.isFloatingPoint() ? value.to(param.device).to(param.dtype) : value.to(param.device);
    }
    if (Array.isArray(value)) return value.map((one) => cast(one));
    if (isOptions(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, cast(v, k)]));
    return value;
  };
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [ownName(key), cast(value, key)]));
}
