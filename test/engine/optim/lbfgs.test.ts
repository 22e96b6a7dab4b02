// LBFGS against recorded trajectories of PyTorch's: fixed steps and line search, real and complex parameters, and its state dict.
import { describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';
import {
  arraysOf,
  decoded,
  dtypeOf,
  type Json,
  lossOf,
  numbersOf,
  optimizerOf,
  parametersOf,
  RELOAD,
  readPacked,
  size,
  type Trajectory,
  tensorOf,
} from './recordings.js';

const records = readPacked<Trajectory[]>('trajectories').filter((one) => one.losses !== undefined);
const arrays = arraysOf('trajectories');

function step(optimizer: torch.optim.Optimizer, params: readonly torch.Tensor[]): number {
  const loss = optimizer.step(() => {
    optimizer.zeroGrad();
    const value = lossOf(params);
    value.backward();
    return value;
  });
  return (loss as torch.Tensor).item() as number;
}

/** Parameters, evaluations and iterations after each step. */
function recorded(one: Trajectory): (at: number) => number[] {
  const { shape, data } = arrays.get(`${one.id}-double`);
  const width = shape[1]!;
  return (at) => Array.from(data as Float64Array).slice(at * width, (at + 1) * width);
}

function check(
  one: Trajectory,
  optimizer: torch.optim.Optimizer,
  params: readonly torch.Tensor[],
  want: number[],
): void {
  const { func_evals: evaluations, n_iter: iterations } = optimizer.stateDict().state[0]!;
  const got = [...params.flatMap(numbersOf), evaluations as number, iterations as number];
  expect(got.length).toBe(want.length);
  got.forEach((x, i) => {
    // A minimum is found to about the square root of the precision of its loss.
    expect(Math.abs(x - want[i]!), `${one.id}, number ${i}`).toBeLessThan(1e-9);
  });
}

/** A recorded state as double-precision tensors. */
function doubles(value: Json): unknown {
  if (Array.isArray(value)) return value.map(doubles);
  if (typeof value !== 'object' || value === null) return value;
  return torch.tensor((value as { tensor: number[] }).tensor, { dtype: 'float64' });
}

describe.each(records)('LBFGS $id $kwargs complex: $complex', (one) => {
  const row = recorded(one);
  const dtype = dtypeOf('double', one.complex);

  it('takes the steps of PyTorch', () => {
    const params = parametersOf(one.shapes, dtype);
    const optimizer = optimizerOf(one, params);
    expect(String(optimizer)).toBe(one.repr);
    for (let at = 0; at < 20; at++) {
      // Losses were recorded in single precision last.
      const loss = step(optimizer, params);
      expect(Math.abs(loss - one.losses![at]!)).toBeLessThan(1e-5 * Math.max(1, Math.abs(loss)));
      check(one, optimizer, params, row(at));
    }
  });

  it('goes on from the state of PyTorch', () => {
    const params = parametersOf(one.shapes, dtype);
    const before = row(RELOAD - 1);
    let from = 0;
    torch.noGrad(() => {
      for (const p of params) {
        const length = size(p.shape) * (one.complex ? 2 : 1);
        p.copy_(tensorOf(before.slice(from, from + length), p.shape, dtype));
        from += length;
      }
    });
    const optimizer = optimizerOf(one, params);
    const state = doubles as (value: unknown) => unknown;
    const first = Object.fromEntries(Object.entries(one.state!).map(([k, v]) => [k, state(v)]));
    optimizer.loadStateDict({
      state: { 0: first },
      param_groups: decoded(one.groups) as torch.optim.StateDict['param_groups'],
    });
    expect(Object.keys(optimizer.stateDict().state[0]!).sort()).toEqual(Object.keys(one.state!).sort());
    for (let at = RELOAD; at < 20; at++) {
      step(optimizer, params);
      const got = params.flatMap(numbersOf);
      const want = row(at);
      // The state that was recorded is of single precision.
      got.forEach((x, i) => {
        expect(Math.abs(x - want[i]!)).toBeLessThan(1e-4);
      });
    }
  });
});
