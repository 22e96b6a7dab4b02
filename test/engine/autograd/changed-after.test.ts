// What backward keeps: the inputs and results of every op's samples are changed in-place between the call and the backward pass, one
// at a time, in value and in shape. The gradients are then the same, or refused as PyTorch refuses them.
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

const reshape = (t: Tensor): Tensor => (t.ndim < 2 ? t.unsqueeze_(0) : t.transpose_(0, -1).unsqueeze_(-1));
/** What may be done to a tensor after the call. Values of expanded results cannot be changed. */
const changes: Record<string, (t: Tensor) => unknown> = {
  shape: reshape,
  'shape, unrecorded': (t) => torch.noGrad(() => reshape(t)),
  value: (t) => torch.noGrad(() => t.copy_(t.dtype === torch.bool ? t.logicalNot() : t.eq(0))),
};
const refusals =
  /more than one element of the written-to|modified by an inplace operation|has been modified inplace|is being modified inplace/;

interface Run {
  readonly inputs: readonly Tensor[];
  readonly results: readonly Tensor[];
  /** The gradients of the leaves. */
  gradients(): unknown;
}

/** A recorded call of an op; null where these inputs do not suit it, or none needs a gradient. */
function called(
  { op }: RegisteredOp,
  one: Case,
  follow: (results: readonly Tensor[]) => readonly Tensor[] = (results) => results.map((r) => r.mul(1)),
): Run | null {
  const leaves = leavesOf(one);
  const inputs = leaves.map((x) => (x.requiresGrad ? x.mul(1) : x.clone()));
  torch.manualSeed(2);
  let results: Tensor[];
  try {
    const bound = positional(op.params, one.args, one.kwargs, inputs);
    results = flattenResult(op.impl(...bound)).filter((r): r is Tensor => r instanceof torch.Tensor);
  } catch {
    return null;
  }
  if (!results.some((r) => r.requiresGrad)) return null;
  // What follows the results must not be changed with them.
  const roots = follow(results.filter((r) => r.requiresGrad));
  return {
    inputs,
    results,
    gradients: () => {
      const gradOutputs = roots.map((r) => torch.onesLike(r).detach());
      const wanted = leaves.filter((x) => x.requiresGrad);
      const grads = torch.autograd.grad(roots, wanted, { gradOutputs, allowUnused: true });
      return grads.map((g) => g?.tolist() ?? null);
    },
  };
}

const attempt = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return refusals.test((error as Error).message) ? 'refused' : String(error);
  }
};

/** The gradients after tensor `i` of the call was changed. */
function changedAt(described: RegisteredOp, one: Case, i: number, change: (t: Tensor) => unknown): unknown {
  const run = called(described, one)!;
  const t = [...run.inputs, ...run.results][i]!;
  return attempt(() => {
    change(t);
    return run.gradients();
  });
}

/** One case of each sample call. */
function* samples(): Generator<[RegisteredOp, Case]> {
  const seen = new Set<string>();
  for (const described of registeredOps()) {
    for (const one of casesOf(described)) {
      if (one.variant !== 'function' || one.error !== undefined || one.mayFail === true) continue;
      const sample = one.id.split('@')[0]!;
      if (seen.has(sample)) continue;
      seen.add(sample);
      yield [described, one];
    }
  }
}

it('no backward sees a change of what its op was given or gave', { timeout: 300_000 }, () => {
  const wrong: string[] = [];
  let tried = 0;
  for (const [described, one] of samples()) {
    const run = called(described, one);
    if (run === null) continue;
    const count = run.inputs.length + run.results.length;
    const before = attempt(run.gradients);
    if (typeof before === 'string') continue;
    tried++;
    for (const [name, change] of Object.entries(changes)) {
      for (let i = 0; i < count; i++) {
        const after = changedAt(described, one, i, change);
        if (after !== 'refused' && JSON.stringify(after) !== JSON.stringify(before))
          wrong.push(`${one.id}, ${name} of tensor ${i}: ${JSON.stringify(after)}`.slice(0, 200));
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(tried).toBeGreaterThan(500);
});

it('a recorded in-place change of any result carries the gradient', { timeout: 300_000 }, () => {
  const wrong: string[] = [];
  let tried = 0;
  const inPlace = (results: readonly Tensor[]): readonly Tensor[] => results.map((r) => r.mul_(2).mul(1));
  for (const [described, one] of samples()) {
    if (one.noGrad !== undefined) continue;
    const before = called(described, one, (results) => results.map((r) => r.mul(2)));
    if (before === null) continue;
    const expected = attempt(() => before.gradients());
    if (typeof expected === 'string') continue;
    tried++;
    const after = attempt(() => called(described, one, inPlace)!.gradients());
    if (after !== 'refused' && JSON.stringify(after) !== JSON.stringify(expected))
      wrong.push(`${one.id}: ${JSON.stringify(after)}`.slice(0, 200));
  }
  expect(wrong).toEqual([]);
  expect(tried).toBeGreaterThan(500);
});
