// Lists of callers: every op may be called with a list that its caller changes afterwards. Neither the result nor the
// backward pass may see the change.
import { expect, it } from 'vitest';
import type { Tensor } from '../../../engine/core/tensor.js';
import * as torch from '../../../engine/index.js';
import { flattenResult, positional } from '../../../suites/common/bind.js';
import { type Case, casesOf } from '../../../suites/common/cases.js';
import { type RegisteredOp, registeredOps } from '../../../suites/common/registry.js';
import { takesGradient, tensorsOf } from '../../../suites/common/tensor-specs.js';

const dtypeNamed = (name: string): torch.DType => (torch as unknown as Record<string, torch.DType>)[name]!;

/** Leaves of a case's shapes and dtypes. Values between 0.1 and 0.9, or 0 and 1, fit nearly every op. */
function leavesOf(one: Case): Tensor[] {
  torch.manualSeed(1);
  return tensorsOf(one).map((spec) => {
    const dtype = dtypeNamed(spec.dtype ?? 'float32');
    if (!takesGradient(spec)) return torch.randint(0, 2, spec.shape).to(dtype);
    return torch.rand(spec.shape, { dtype }).mul(0.8).add(0.1).detach().requiresGrad_();
  });
}

/** Whether a call passes a list; Python spreads the variadic ones. */
const passesList = ({ op }: RegisteredOp, { args, kwargs }: Case): boolean =>
  op.params.some((p) => p.variadic) || [...args, ...Object.values(kwargs)].some((one) => Array.isArray(one));

/** Puts another number or tensor wherever a list held one. */
function scramble(value: unknown): void {
  if (!Array.isArray(value)) return;
  for (const [i, one] of value.entries()) {
    if (Array.isArray(one)) scramble(one);
    else if (typeof one === 'number') value[i] = 777;
    else if (one instanceof torch.Tensor) value[i] = torch.ones([7, 7]);
  }
}

/** Sizes, strides and gradients of a call, or null where these inputs do not suit it. */
function traced({ op }: RegisteredOp, one: Case, changed: boolean): unknown {
  const leaves = leavesOf(one);
  const bound = positional(op.params, one.args, one.kwargs, leaves);
  torch.manualSeed(2);
  let results: Tensor[];
  try {
    results = flattenResult(op.impl(...bound)).filter((r) => r instanceof torch.Tensor);
  } catch {
    return null;
  }
  if (changed) scramble(bound);
  const roots = results.filter((r) => r.requiresGrad);
  const inputs = leaves.filter((x) => x.requiresGrad);
  const gradOutputs = roots.map((r) => torch.onesLike(r).detach());
  const grads =
    roots.length === 0 ? [] : torch.autograd.grad(roots, inputs, { gradOutputs, allowUnused: true });
  return [results.map((r) => [r.shape, r.stride()]), grads.map((g) => g?.tolist() ?? null)];
}

it('no op reads a list of its caller after the call', { timeout: 120_000 }, () => {
  const tried = new Set<string>();
  for (const described of registeredOps()) {
    for (const one of casesOf(described)) {
      if (one.variant !== 'function' || one.error !== undefined || one.mayFail === true) continue;
      if (!passesList(described, one)) continue;
      const before = traced(described, one, false);
      if (before === null) continue;
      tried.add(one.op);
      expect(traced(described, one, true), one.id).toEqual(before);
    }
  }
  for (const op of ['var', 'sum', 'conv2d', 'einsum', 'cat', 'permute']) expect(tried).toContain(op);
  expect(tried.size).toBeGreaterThan(100);
});
