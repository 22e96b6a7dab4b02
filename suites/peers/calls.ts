// Recorded calls, and the bench's calls, in the form in which any library can be asked.
import { isDeepStrictEqual } from 'node:util';
import type { ArgSpec, Param } from 'torchstone';
import { positional } from '../common/bind.js';
import { idMatcher } from '../common/cases.js';
import type { Fixtures } from '../common/fixtures.js';
import type { FixtureCase } from '../common/manifest.js';
import type { RegisteredOp } from '../common/registry.js';
import { differencesOf, knownDifference } from '../validate/known-differences.js';
import type { Argument, Parameter } from './call.js';
import { SENDABLE } from './inputs.js';
import type { PeerCall, SentTensor } from './protocol.js';

/** A recorded call that any engine could be asked. */
export interface PeerCase {
  readonly id: string;
  /** The dotted Python path without `torch.`. */
  readonly op: string;
  readonly dtypes: readonly string[];
  readonly registered: RegisteredOp;
  readonly recorded: FixtureCase;
}

/**
 * The recorded calls that can be asked of an engine with tensors of JavaScript's number types: those with a result to compare, neither in
 * place (others have no such calls) nor meant to fail (each engine has refusals of its own).
 */
export function peerCases(
  ops: readonly RegisteredOp[],
  fixtures: Fixtures,
  filter: string | undefined,
): PeerCase[] {
  const matches = idMatcher(filter);
  return ops.flatMap((registered) => {
    if (!fixtures.has(`ops/${registered.name}.json`)) return [];
    const differences = differencesOf(registered.name);
    return fixtures.casesOf(registered.name).flatMap((recorded): PeerCase[] => {
      const { id, inputs } = recorded;
      if (!matches(id) || !isAskable(recorded, fixtures) || knownDifference(id, differences) !== undefined)
        return [];
      const dtypes = [...new Set(inputs.map(({ dtype }) => dtype))];
      return [{ id, op: bare(registered.torch), dtypes, registered, recorded }];
    });
  });
}

/** What these give depends on the memory behind a tensor, which stays here: only its elements are sent. */
const OF_MEMORY: ReadonlySet<string> = new Set(['asStrided', 'asStridedCopy', 'asStridedScatter']);

function isAskable({ id, op, variant, inputs, outputs }: FixtureCase, fixtures: Fixtures): boolean {
  if (OF_MEMORY.has(op)) return false;
  if (outputs === undefined || outputs.length === 0 || variant === 'inplace') return false;
  const tensors = outputs.every((one) => 'dtype' in one && SENDABLE.has(one.dtype));
  return (
    tensors &&
    inputs.every(({ dtype }) => SENDABLE.has(dtype)) &&
    fixtures.maybeArray(op, `${id}/out0`) !== undefined
  );
}

/** The path without `torch.`. */
export function bare(torch: string): string {
  return torch.replace(/^torch\./, '');
}

/** The call of a recorded case; with its gradients where one result takes one. */
export function recordedCall(one: PeerCase, fixtures: Fixtures): PeerCall {
  const { id, op, args, kwargs, inputs, outputs = [], gradients } = one.recorded;
  const array = (name: string) => fixtures.array(op, `${id}/${name}`).data as SentTensor['data'];
  const tensors = inputs.map(({ dtype, shape, strides, offset }, k) => {
    return { dtype, shape, strides, offset, data: array(`in${k}`) };
  });
  const call = peerCall(one.registered, args, kwargs, tensors);
  const [first] = outputs;
  const leaves = inputs.flatMap(({ grad }, k) => (grad ? [k] : []));
  if (outputs.length !== 1 || !first || !('grad' in first) || !first.grad || gradients.length === 0)
    return call;
  const weight = { ...dense(first.dtype, first.shape), data: array('gout0') };
  return { ...call, gradient: { inputs: leaves, weight } };
}

function dense(dtype: string, shape: readonly number[]): Omit<SentTensor, 'data' | 'file'> {
  const strides = shape.map((_, dim) =>
    shape.slice(dim + 1).reduce((product, size) => product * Math.max(1, size), 1),
  );
  return { dtype, shape, strides, offset: 0 };
}

/** A call by PyTorch's parameter names. */
export function peerCall(
  op: Pick<RegisteredOp, 'torch' | 'params'>,
  args: readonly ArgSpec[],
  kwargs: Readonly<Record<string, ArgSpec>>,
  tensors: readonly SentTensor[],
): PeerCall {
  const bound = positional(
    op.params,
    args,
    kwargs,
    tensors.map((_, k) => ({ tensor: k })),
  );
  return { op: bare(op.torch), parameters: op.params.map((one, at) => parameter(one, bound[at])), tensors };
}

function parameter({ name, default: usual = null }: Param, value: unknown): Parameter {
  const encoded = value === undefined ? undefined : encode(value);
  const given = encoded !== undefined && !isDeepStrictEqual(encoded, usual);
  return { name, value: given ? encoded : (usual as Argument), given };
}

/** Values that a message can carry: a dtype goes by its name. */
function encode(value: unknown): Argument {
  if (Array.isArray(value)) return value.map(encode);
  if (typeof value !== 'object' || value === null) return value as Argument;
  if ('tensor' in value) return value as { tensor: number };
  return { dtype: String((value as { name: unknown }).name) };
}
