// Rows of matmul: squares in two dtypes, and shapes that a fast square does not speak for.
import { call, type TensorOptions, t } from 'torchstone/internals';
import { registeredOps } from '../common/registry.js';
import type { Mode } from './cpu-rows.js';
import type { RowPlan } from './plan.js';
import { prepareCall } from './sweep.js';

const SIZES: Readonly<Record<Mode, readonly number[]>> = {
  quick: [64, 128, 512],
  usual: [16, 64, 100, 128, 256, 512, 1024, 2048],
  full: [16, 64, 100, 128, 256, 512, 1024, 2048, 4096],
};
/** The least ratio up to a side; the last one for all beyond. */
const RATIOS: readonly (readonly [side: number, ratio: number])[] = [
  [64, 1.5],
  [128, 1.1],
  [Number.POSITIVE_INFINITY, 0.95],
];
const OTHER_RATIO = 0.95;
const BYTES: Readonly<Record<string, number>> = { float32: 4, float64: 8 };

type Side = readonly [shape: readonly number[], layout?: TensorOptions['layout']];

const SHAPES: readonly { readonly name: string; readonly x: Side; readonly y: Side }[] = [
  { name: 'transposed-left', x: [[512, 512], 'transposed'], y: [[512, 512]] },
  { name: 'transposed-right', x: [[512, 512]], y: [[512, 512], 'transposed'] },
  { name: 'transposed-both', x: [[512, 512], 'transposed'], y: [[512, 512], 'transposed'] },
  { name: 'tall-skinny', x: [[16384, 64]], y: [[64, 64]] },
  { name: 'inner-long', x: [[64, 16384]], y: [[16384, 64]] },
  { name: 'batched-64', x: [[64, 64, 64]], y: [[64, 64, 64]] },
  { name: 'batched-256', x: [[8, 256, 256]], y: [[8, 256, 256]] },
  { name: 'vector', x: [[1, 1024]], y: [[1024, 1024]] },
];

/** T4 and its relatives. Whole numbers as inputs: every order of summation gives the same result. */
export function matmulRows(mode: Mode): RowPlan[] {
  const squares = Object.keys(BYTES).flatMap((dtype) =>
    SIZES[mode].map((n) => matmulRow(`${n}@${dtype}`, [[n, n]], [[n, n]], dtype, n)),
  );
  const others = SHAPES.map(({ name, x, y }) => matmulRow(`${name}@float32`, x, y, 'float32'));
  return [...squares, ...others];
}

function matmulRow(name: string, x: Side, y: Side, dtype: string, size?: number): RowPlan {
  const operand = ([shape, layout]: Side) => t(shape, { dtype, fill: 'ties', ...(layout ? { layout } : {}) });
  const sample = call([operand(x), operand(y)]);
  const batch = elements(x[0].slice(0, -1));
  const ratio = size === undefined ? OTHER_RATIO : RATIOS.find(([side]) => size <= side)![1];
  const shapes = `${x[0].join('×')} · ${y[0].join('×')}`;
  const what =
    size === undefined ? `${name.replace(/@.*/, '').replace('-', ' ')}, ${shapes}` : `${size} × ${size}`;
  return {
    id: `cpu/matmul/${name}`,
    kind: 'cpu',
    group: size === undefined ? 'cpu matmul shapes' : `cpu matmul ${dtype}`,
    label: `matmul ${what}${dtype === 'float32' ? '' : ` ${dtype}`}`,
    ...(size === undefined ? {} : { size }),
    dtype,
    flops: 2 * batch * x[0].at(-1)! * y[0].at(-1)!,
    bytes: (dtype === 'float64' ? 8 : 4) * (elements(x[0]) + elements(y[0]) + batch * y[0].at(-1)!),
    required: ratio,
    tolerance: 0,
    prepare: (inputs) => prepareCall(registeredOps().find((op) => op.name === 'matmul')!, sample, inputs),
  };
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, one) => product * one, 1);
}
