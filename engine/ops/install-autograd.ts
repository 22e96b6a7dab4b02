// The ops that the autograd engine needs, handed to it at import, so that autograd imports no op.
import { support } from '../autograd/engine.js';
import { viewSupport } from '../autograd/in-place.js';
import { record } from '../autograd/node.js';
import { placedOn } from '../core/device.js';
import { newStrided, newTensor } from '../core/factory.js';
import { contiguousStrides, isContiguousLayout, isDense } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { rawCopy } from '../pointwise/copy.js';
import { cast, clone, rawFill, rawZeros } from './creation/copy-fill-cast.js';
import { add } from './pointwise/arithmetic.js';
import { asComplex, asReal } from './pointwise/complex.js';
import { sumTo } from './reduction/sum-mean-prod.js';
import { asStridedView, carried, type Geometry } from './views/geometry.js';

support.sumTo = sumTo;
support.cast = (g, to) => cast(g, to);
support.add = (a, b) => add.impl(a, b);
support.addInto = (target, b) => {
  add.inplace!(target, b);
};
support.clone = (g) => clone.impl(g.contiguous());
support.onesLike = (t) => {
  const one = newTensor(t.sizes, t.dtype, t.device);
  rawFill(one, 1);
  return one;
};
support.zeros = (shape, dtype, device) => placedOn(device, () => rawZeros(shape, dtype));
support.zerosLike = (t) => support.zeros(t.sizes, t.dtype, t.device);

/** The strides and offset of `view` within a contiguous copy of `base`. */
function relative(base: Geometry, view: Geometry): { strides: number[]; offset: number } {
  // Every view of a dense base steps along its dims; a contiguous base keeps them as they are.
  const dense = contiguousStrides(base.shape);
  if (keepsLayout(base)) return { strides: [...view.strides], offset: view.offset - base.offset };
  if (dense.every((s, d) => s === base.strides[d] || base.shape[d] === 1)) {
    return { strides: [...view.strides], offset: view.offset - base.offset };
  }
  return {
    strides: view.strides.map((s) => remap(s, base, dense)),
    offset: remap(view.offset - base.offset, base, dense),
  };
}

/** An element distance in `base`'s memory as the distance in a contiguous copy: digit by digit, largest stride first. */
function remap(distance: number, base: Geometry, dense: readonly number[]): number {
  let left = distance;
  let out = 0;
  const order = base.strides.map((_, d) => d).sort((a, b) => base.strides[b]! - base.strides[a]!);
  for (const d of order) {
    const s = base.strides[d]!;
    if (s === 0 || base.shape[d] === 1) continue;
    const steps = Math.trunc(left / s);
    out += steps * dense[d]!;
    left -= steps * s;
  }
  return out;
}

/** A copy of `g`, differentiable, where a view of the base can be found again by its strides: as the base lies, if it is dense. */
function laidOut(g: Tensor, base: Geometry): Tensor {
  if (!keepsLayout(base)) return clone.impl(g.contiguous());
  const out = newStrided(base.shape, base.strides, g.dtype);
  rawCopy(out, g);
  return record('CloneBackward0', out, [g], () => (gg) => gg);
}
const keepsLayout = (base: Geometry): boolean =>
  !isContiguousLayout(base.shape, base.strides) && isDense(base.shape, base.strides);

viewSupport.asReal = asReal;
viewSupport.asComplex = asComplex;
viewSupport.slice = (g, base, view) => {
  const r = relative(base, view);
  return asStridedView(laidOut(g, base), view.shape, r.strides, r.offset);
};
viewSupport.replace = (g, base, view, part) => {
  const r = relative(base, view);
  const whole = laidOut(g, base);
  const hole = asStridedView(whole, view.shape, r.strides, r.offset);
  if (part === null) hole.zero_();
  else hole.copy_(part);
  return whole;
};
viewSupport.scatter = carried;
