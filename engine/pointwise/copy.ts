// Copies by the identity program: no checks, no history.

import { launchPointwise } from '../backend/commands/pointwise.js';
import { newLike } from '../core/factory.js';
import type { Tensor } from '../core/tensor.js';
import { input } from './expr.js';
import { compile } from './program.js';

const identity = input(0);

/** Copies `from`, broadcast and cast, into `to`. No checks, no history. */
export function rawCopy(to: Tensor, from: Tensor): void {
  launchPointwise('copy_', compile(identity, to.dtype, [from.dtype], 0, to.dtype), to, [from], []);
}

/** A raw copy with the same dtype; no history. */
export function copyOf(t: Tensor): Tensor {
  const out = newLike(t);
  launchPointwise('clone', compile(identity, t.dtype, [t.dtype], 0, t.dtype), out, [t], []);
  return out;
}
