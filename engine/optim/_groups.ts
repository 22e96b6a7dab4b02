// Parameter groups as they are given: their parameters taken apart from names, checked, and completed with the defaults.
import { ArgumentError, describe, message, ValueError } from '../core/errors.js';
import { camelCase, isOptions } from '../core/options.js';
import { Tensor } from '../core/tensor.js';
import type { GroupLike, ParamGroup } from './optimizer.js';

/** A complete group. @throws ArgumentError and ValueError with PyTorch's texts */
export function readGroup(
  given: GroupLike,
  defaults: Readonly<Record<string, unknown>>,
  others: readonly ParamGroup[],
  differentiable: boolean,
): ParamGroup {
  if (!isOptions(given)) throw new ArgumentError(`param_group must be a dict, but got ${describe(given)}`);
  if (!('params' in given))
    throw new ArgumentError(message('addParamGroup', 'params', 'a group without any'));
  const { params, names } = tensorsOf(given.params);
  for (const p of params) {
    if (!differentiable && !(p.isLeaf || p.autograd?.retainsGrad === true))
      throw new ValueError("can't optimize a non-leaf Tensor");
  }
  const group: Record<string, unknown> = { params };
  for (const [name, value] of Object.entries(given)) if (name !== 'params') group[camelCase(name)] = value;
  if (names.length > 0) group.paramNames = names;
  for (const [name, value] of Object.entries(defaults)) if (!(name in group)) group[name] = value;
  checkDistinct(group as ParamGroup, others);
  return group as ParamGroup;
}

function tensorsOf(given: GroupLike['params']): { params: Tensor[]; names: string[] } {
  if (given instanceof Tensor) return { params: [given], names: [] };
  if (given instanceof Set) {
    throw new ArgumentError(
      'optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets will change between runs. Please use a list instead.',
    );
  }
  const names: string[] = [];
  const params = [...(given as Iterable<unknown>)].map((one) => {
    if (!Array.isArray(one)) return one;
    names.push(one[0] as string);
    return one[1] as unknown;
  });
  if (names.length > 0 && names.length !== params.length)
    throw new ValueError('all optimizer params should be with/without names. Some param names are missing');
  for (const p of params) {
    if (!(p instanceof Tensor))
      throw new ArgumentError(`optimizer can only optimize Tensors, but one of the params is ${typeOf(p)}`);
  }
  return { params: params as Tensor[], names };
}

/** Python's name of a value's type. */
function typeOf(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  return isOptions(value) ? 'dict' : describe(value);
}

function checkDistinct(group: ParamGroup, others: readonly ParamGroup[]): void {
  const own = new Set(group.params);
  if (own.size !== group.params.length) {
    process.emitWarning(
      'optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; see github.com/pytorch/pytorch/issues/40967 for more information',
      'UserWarning',
    );
  }
  const named = 'paramNames' in group;
  for (const other of others) {
    if (named === 'paramNames' in other) continue;
    throw new ValueError(
      `all optimizer param groups should be with/without names. cannot add param group ${named ? 'with names' : 'without names'} to the optimizer`,
    );
  }
  if (others.some(({ params }) => params.some((p) => own.has(p))))
    throw new ValueError('some parameters appear in more than one parameter group');
}
