// Rows of conv2d: forward and backward on the shapes of a ResNet. Inputs are whole numbers, so results are exact.

import * as engine from 'torchstone';
import { autograd, type Sample } from 'torchstone';
import { call, t } from 'torchstone/internals';
import { arrayOf, type EngineTensor, flattenResult } from '../common/bind.js';
import { type RegisteredOp, registeredOps } from '../common/registry.js';
import type { Mode } from './cpu-rows.js';
import type { BenchInputs } from './inputs.js';
import type { Prepared, RowPlan } from './plan.js';
import { prepareCall } from './sweep.js';

const RATIO = 0.8;

interface Layer {
  readonly name: string;
  readonly channels: number;
  readonly side: number;
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
}

const LAYERS: readonly Layer[] = [
  { name: 'stem', channels: 3, side: 224, filters: 64, kernel: 7, stride: 2, padding: 3 },
  { name: '3x3-64', channels: 64, side: 56, filters: 64, kernel: 3, padding: 1 },
  { name: '3x3-256', channels: 256, side: 14, filters: 256, kernel: 3, padding: 1 },
  { name: '1x1-64', channels: 64, side: 56, filters: 256, kernel: 1 },
  { name: '1x1-1024', channels: 1024, side: 14, filters: 256, kernel: 1 },
];

/** Forward and backward of every layer, at batch 1 and 8. */
export function convRows(mode: Mode): RowPlan[] {
  const op = registeredOps().find((one) => one.name === 'conv2d');
  const batches = mode === 'quick' ? [1] : [1, 8];
  return LAYERS.flatMap((layer) =>
    batches.flatMap((batch) => [convRow(op, layer, batch, false), convRow(op, layer, batch, true)]),
  );
}

function convRow(op: RegisteredOp | undefined, layer: Layer, batch: number, backward: boolean): RowPlan {
  const { name, channels, side, filters, kernel, stride = 1, padding = 0 } = layer;
  const out = Math.floor((side + 2 * padding - kernel) / stride) + 1;
  const sample = call(
    [
      t([batch, channels, side, side], { fill: 'ties' }),
      t([filters, channels, kernel, kernel], { fill: 'ties' }),
    ],
    { stride, padding },
  );
  const direction = backward ? 'backward' : 'forward';
  const flops = 2 * batch * filters * out * out * channels * kernel * kernel;
  const gradient = [batch, filters, out, out];
  const bytes =
    4 * (batch * channels * side * side + filters * channels * kernel * kernel + batch * filters * out * out);
  return {
    id: `cpu/conv2d/${name}-b${batch}-${direction}`,
    kind: 'cpu',
    group: `cpu conv2d ${direction}`,
    label: `conv2d ${direction}, ${channels}×${side}×${side}, ${filters} filters ${kernel}×${kernel}${stride > 1 ? `/${stride}` : ''}, batch ${batch}`,
    dtype: 'float32',
    flops: backward ? 2 * flops : flops,
    ...(backward ? {} : { bytes }),
    required: RATIO,
    tolerance: 1e-5,
    ...(op ? {} : { unavailable: 'the engine has no nn.functional.conv2d yet' }),
    prepare: (inputs) => {
      const forward = prepareCall(op!, sample, inputs);
      return backward ? gradients(forward, sample, gradient, inputs) : forward;
    },
  };
}

/** The gradients of input and filters, over a graph that was built once, outside the timing. */
function gradients(
  forward: Prepared,
  { args, kwargs }: Sample,
  shape: readonly number[],
  inputs: BenchInputs,
): Prepared {
  const leaves = inputs.tensors.slice(0, args.length);
  for (const leaf of leaves) leaf.requiresGrad_();
  const [result] = flattenResult(forward.step()) as [EngineTensor];
  const { raw } = inputs.tensor(t(shape, { fill: 'ties' }).tensor);
  const options = { gradOutputs: inputs.tensors.at(-1)!, retainGraph: true };
  const step = () => autograd.grad(result, leaves, options);
  return {
    step,
    output: () => arrayOf(engine.cat(step().map((one) => one!.reshape([-1])))),
    reference: { torch: { ...forward.reference.torch, ...kwargs, name: 'backward', gradient: raw } },
  };
}
