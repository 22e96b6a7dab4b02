// The float64 result beside a float32 one: PyTorch's where there is one, ours elsewhere.
import { ops } from 'torchstone';
import { figure } from '../../reports/schema/index.js';
import { arrayOf, type EngineTensor, flattenResult, inputTensor, positional } from '../common/bind.js';
import type { ArrayValue } from '../common/compare.js';
import type { FixtureCase } from '../common/manifest.js';
import { mapTensors } from '../common/tensor-specs.js';
import type { ArraySource } from '../validate/replay.js';
import { Recorder } from './recorder.js';

/** The outputs in float64, and who computed them. */
export interface Truth {
  readonly by: 'PyTorch' | 'this engine';
  readonly outputs: readonly ArrayValue[];
}

/** Undefined where nothing is coarser than float64, or the call takes no other dtype. */
export async function truthOf(
  recorded: FixtureCase,
  source: ArraySource,
  python: string | undefined,
): Promise<Truth | undefined> {
  const complex = recorded.inputs.some((input) => input.dtype.startsWith('complex'));
  if (recorded.error || complex || !recorded.inputs.some((input) => input.dtype === 'float32'))
    return undefined;
  const inputs = recorded.inputs.map((input, k) =>
    inputTensor(source.array(recorded.op, `${recorded.id}/in${k}`), input),
  );
  const theirs = python === undefined ? undefined : await pytorchs(recorded, inputs, python);
  return theirs ?? ours(recorded, inputs);
}

/** The call with its very values, as literals. */
async function pytorchs(
  recorded: FixtureCase,
  inputs: readonly EngineTensor[],
  python: string,
): Promise<Truth | undefined> {
  const { args, kwargs } = mapTensors(recorded, ({ layout: _, ...tensor }, k) => ({
    ...tensor,
    dtype: inputs[k]!.dtype.name === 'float32' ? 'float64' : inputs[k]!.dtype.name,
    fill: { values: Array.from(arrayOf(inputs[k]!).data, literal) },
  }));
  const params = ops.get(recorded.op)?.params.map((param) => param.name) ?? [];
  const { op, torch, variant } = recorded;
  const id = `${op}/0@float64,contiguous`;
  const call = {
    id,
    op,
    torch,
    variant,
    params,
    args,
    kwargs: kwargs ?? {},
    checkGrad: false,
    mayFail: true,
  };
  const recorder = new Recorder(python);
  try {
    const tree = await recorder.record([call]);
    const found = tree?.casesOf(op).find((one) => one.id === id);
    if (tree === null || !found?.outputs) return undefined;
    return { by: 'PyTorch', outputs: found.outputs.map((_, k) => asValue(tree.array(op, `${id}/out${k}`))) };
  } catch {
    return undefined; // PyTorch takes no float64 there.
  } finally {
    recorder.close();
  }
}

function asValue({ shape, data }: ReturnType<ArraySource['array']>): ArrayValue {
  return { dtype: 'float64', shape, data: data as ArrayValue['data'] };
}

function literal(value: number | bigint): number | string {
  return figure(Number(value));
}

function ours(recorded: FixtureCase, inputs: readonly EngineTensor[]): Truth | undefined {
  const op = ops.get(recorded.op);
  if (op === undefined) return undefined;
  try {
    const wide = inputs.map((one) => (one.dtype.name === 'float32' ? one.to('float64') : one));
    const bound = positional(op.params, recorded.args, recorded.kwargs, wide);
    return {
      by: 'this engine',
      outputs: flattenResult(op.impl(...bound)).map((one) => arrayOf(one as EngineTensor)),
    };
  } catch {
    return undefined; // The call takes float32 only.
  }
}
