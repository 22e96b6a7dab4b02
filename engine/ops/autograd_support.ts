// Owns handing to the autograd walk the few ops that it needs, so that autograd itself imports no op.
import { support } from '../autograd/backward.js';
import { viewSupport } from '../autograd/inplace.js';
import { newTensor } from '../factory.js';
import { contiguousStrides } from '../shape.js';
import { add } from './arithmetic.js';
import { cast, clone, rawFill, rawZeros } from './memory.js';
import { sumTo } from './reductions.js';
import { asStridedView } from './views.js';

support.sumTo = sumTo;
support.cast = (g, to) => cast(g, to);
support.add = (a, b) => add.impl(a, b);
support.addInto = (target, b) => {
  add.inplace!(target, b);
};
support.clone = (g) => clone.impl(g.contiguous());
support.onesLike = (t) => {
  const one = newTensor(t.shape, t.dtype);
  rawFill(one, 1);
  return one;
};
support.zerosLike = (t) => rawZeros(t.shape, t.dtype);

interface Geometry {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

/** The strides and offset of `view` within a contiguous copy of `base`. */
function relative(base: Geometry, view: Geometry): { strides: number[]; offset: number } {
  // Every view of a dense base steps along its dims; a contiguous base keeps them as they are.
  const dense = contiguousStrides(base.shape);
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

viewSupport.slice = (g, base, view) => {
  const r = relative(base, view);
  return asStridedView(clone.impl(g.contiguous()), view.shape, r.strides, r.offset);
};
viewSupport.replace = (g, base, view, part) => {
  const r = relative(base, view);
  const whole = clone.impl(g.contiguous());
  const hole = asStridedView(whole, view.shape, r.strides, r.offset);
  if (part === null) hole.zero_();
  else hole.copy_(part);
  return whole;
};
viewSupport.scatter = (part, base, view) => {
  const r = relative(base, view);
  const whole = rawZeros(base.shape, part.dtype);
  asStridedView(whole, view.shape, r.strides, r.offset).add_(part);
  return whole;
};
