// quantile and nanquantile.

import { float64, int64 } from '../../core/dtype.js';
import { message, RuntimeError } from '../../core/errors.js';
import { wrapDim } from '../../core/shape.js';
import { type Scalar, Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { tensor } from '../creation/creation.js';
import { sort } from './sort-topk.js';
import { keepdimParam, self } from './sum-mean-prod.js';

const ways = ['linear', 'lower', 'higher', 'midpoint', 'nearest'] as const;
type Way = (typeof ways)[number];
const params: readonly Param[] = [
  self,
  { name: 'q', kind: 'tensorOrScalar' },
  { name: 'dim', kind: 'int', default: null },
  keepdimParam,
  {
    name: 'interpolation',
    kind: 'string',
    default: 'linear',
    keyword: true,
    choices: oneOf(
      ways,
      RuntimeError,
      (way, op) =>
        `${op}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got ${way}`,
    ),
  },
];

function refuse(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, `${op}() ${hint}`));
}

/** @throws where PyTorch refuses the arguments. */
function check(op: string, x: Tensor, q: Tensor | Scalar): void {
  if (x.length === 0) refuse(op, 'at least one element', 'none', 'input tensor must be non-empty');
  if (x.dtype.name !== 'float32' && x.dtype !== float64)
    refuse(op, 'float32 or float64', x.dtype.name, 'input tensor must be either float or double dtype');
  if (q instanceof Tensor) {
    if (q.ndim > 1) refuse(op, 'a 0-d or 1-d q', `${q.ndim} dims`, 'q must be a scalar or 1D tensor');
    if (q.dtype !== x.dtype)
      refuse(op, `q of ${x.dtype.name}`, q.dtype.name, 'q tensor must be same dtype as the input tensor');
    if (!q.detach().ge(0).logicalAnd(q.detach().le(1)).all().item())
      refuse(op, 'q in [0, 1]', 'others', 'q values must be in the range [0, 1]');
  } else if (!(Number(q) >= 0 && Number(q) <= 1))
    refuse(op, 'q in [0, 1]', String(q), `q must be in the range [0, 1] but got ${q}`);
}

/** Where each q lies among the sorted values of a row, as a fraction of places; sizes [rows…, q]. */
function ranksOf(sorted: Tensor, q: Tensor, skipNaN: boolean): Tensor {
  const last = sorted.sizes[sorted.ndim - 1]! - 1;
  const nan = sorted.detach().isnan();
  if (!skipNaN) return q.mul(last).maskedFill(nan.any(-1, true), last);
  const ranks = q.mul(nan.logicalNot().sum(-1, true).sub(1));
  return ranks.maskedFill(ranks.detach().lt(0), 0);
}

/** The values at fractional ranks along the last dim. */
function valuesAt(sorted: Tensor, ranks: Tensor, way: Way): Tensor {
  const at = (r: Tensor): Tensor => sorted.gather(sorted.ndim - 1, r.detach().to(int64));
  if (way === 'lower') return at(ranks.detach().floor());
  if (way === 'higher') return at(ranks.detach().ceil());
  if (way === 'nearest') return at(ranks.detach().round());
  const below = ranks.detach().floor();
  const weight = way === 'midpoint' ? below.mul(0).add(0.5) : ranks.sub(below);
  return at(below).lerp(at(ranks.detach().ceil()), weight);
}

function quantileOf(
  op: string,
  x: Tensor,
  given: Tensor | Scalar,
  dim: number | null,
  keepdim: boolean,
  way: string,
): Tensor {
  check(op, x, given);
  const q = given instanceof Tensor ? given : (tensor.impl(Number(given), x.dtype, null, false) as Tensor);
  const flat = dim === null || x.ndim === 0;
  const over = wrapDim(op, dim ?? 0, x.ndim);
  const moved = flat ? x.reshape([x.length]) : x.movedim(over, -1);
  const { values: sorted } = sort.impl(moved, -1, false);
  const found = valuesAt(
    sorted,
    rowsOf(ranksOf(sorted, q.reshape([q.length]), op === 'nanquantile'), sorted, q.length),
    way as Way,
  );
  // The q dim comes first where q has one; the reduced dim stands where it was, or goes.
  const kept = x.sizes.map((size, d) => (flat || d === over ? 1 : size));
  const out = q.ndim === 0 ? found.squeeze(-1) : found.movedim(-1, 0);
  const lead = q.ndim === 0 ? [] : [q.length];
  return keepdim ? out.reshape([...lead, ...kept]) : out;
}

/** One row of ranks for every row of values. */
function rowsOf(ranks: Tensor, sorted: Tensor, count: number): Tensor {
  return ranks.expand([...sorted.sizes.slice(0, -1), count]);
}

function define(name: 'quantile' | 'nanquantile', doc: string) {
  return defineOp({
    name,
    doc,
    params,
    compose: (x: Tensor, q: Tensor | Scalar, dim: number | null, keepdim: boolean, way: string): Tensor =>
      quantileOf(name, x, q, dim, keepdim, way),
    tests: () => ({
      samples: [
        call([t([3, 5], { fill: 'distinct' }), 0.4]),
        call([
          t([3, 5, 2], { fill: 'distinct', layout: 'transposed' }),
          t([3], { fill: 'probability', grad: false }),
          1,
          true,
        ]),
        call([t([7], { fill: 'distinct' }), 0.3, 0], { interpolation: 'midpoint' }),
        call(
          [t([2, 4], { fill: { values: [1, 'nan', 3, -2, 5, 0.5, 2, 4] } }), 0.6, 1],
          {},
          { noGrad: 'NaN' },
        ),
      ],
      errors: [
        { args: [t([3]), 1.5], throws: 'RuntimeError' },
        { args: [t([3], { dtype: 'int64' }), 0.5], throws: 'RuntimeError' },
        { args: [t([0]), 0.5], throws: 'RuntimeError' },
      ],
    }),
  });
}
export const quantile = define(
  'quantile',
  'The q-quantiles along a dim, or of all elements: at place q·(n − 1) of the sorted values.',
);
export const nanquantile = define(
  'nanquantile',
  'The q-quantiles of what is not NaN, along a dim or of all elements.',
);
