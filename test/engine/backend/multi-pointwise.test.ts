// The multi-tensor pointwise family against a plain loop: several outputs in place, sizes beyond a tile and of one element, many
// tensors, special values, and the same bits for any number of threads.
import { afterEach, describe, expect, it } from 'vitest';
import { addon } from '../../../engine/backend/addon.js';
import { launchMultiPointwise } from '../../../engine/backend/commands/multi-pointwise.js';
import { type DType, float16, float32, float64 } from '../../../engine/core/dtype.js';
import * as torch from '../../../engine/index.js';
import { input, param } from '../../../engine/pointwise/expr.js';
import { compileOutputs } from '../../../engine/pointwise/program.js';

const threads = torch.getNumThreads();
afterEach(() => torch.setNumThreads(threads));

// u ← a u + v, v ← u − v: each reads what the other changes.
const roots = [input(0).mul(param(0)).add(input(1)), input(0).sub(input(1))];
const sizes = [1, 7, 1023, 1024, 1025, 5003, 2, 70001];

function run(dtype: DType, tensors: readonly (readonly [torch.Tensor, torch.Tensor])[]): void {
  const compute = dtype === float16 ? float32 : dtype;
  launchMultiPointwise('test', addon, {
    program: compileOutputs(roots, compute, 2, 1, dtype),
    params: [0.5],
    tensors: tensors.map(([u, v]) => ({
      size: u.numel(),
      addresses: [u.address, v.address, u.address, v.address],
    })),
  });
}

function made(dtype: DType): (readonly [torch.Tensor, torch.Tensor])[] {
  torch.manualSeed(3);
  return sizes.map((n) => {
    const [u, v] = [
      torch.randn([n], { dtype: float32 }).to(dtype),
      torch.randn([n], { dtype: float32 }).to(dtype),
    ];
    if (n > 4) {
      u.setAt([3], Number.NaN);
      v.setAt([4], Infinity);
    }
    return [u, v] as const;
  });
}

describe.each([float32, float64, float16])('%s', (dtype) => {
  it('computes what the ops compute, in place', () => {
    const tensors = made(dtype);
    const wide = dtype === float16 ? float32 : dtype;
    const want = tensors.map(([u, v]) => {
      const [a, b] = [u.to(wide), v.to(wide)];
      return [a.mul(0.5).add(b).to(dtype), a.sub(b).to(dtype)] as const;
    });
    run(dtype, tensors);
    tensors.forEach(([u, v], i) => {
      expect(torch.equal(u.nanToNum(), want[i]![0].nanToNum())).toBe(true);
      expect(torch.equal(v.nanToNum(), want[i]![1].nanToNum())).toBe(true);
    });
    expect(Number.isNaN(tensors[1]![0].at(3).item())).toBe(true);
  });

  it('gives the same bits for any number of threads', () => {
    torch.setNumThreads(1);
    const one = made(dtype);
    run(dtype, one);
    torch.setNumThreads(3);
    const many = made(dtype);
    run(dtype, many);
    one.forEach(([u, v], i) => {
      expect(torch.equal(u.nanToNum(), many[i]![0].nanToNum())).toBe(true);
      expect(torch.equal(v.nanToNum(), many[i]![1].nanToNum())).toBe(true);
    });
  });
});

it('takes more tensors than one command holds, and none', () => {
  const tensors = Array.from({ length: 4000 }, () => [torch.ones([3]), torch.ones([3])] as const);
  run(float32, tensors);
  for (const [u, v] of tensors) expect([u.at(2).item(), v.at(0).item()]).toEqual([1.5, 0]);
  run(float32, []);
});
