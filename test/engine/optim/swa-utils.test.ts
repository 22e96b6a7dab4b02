// Weight averaging against values that PyTorch computed, on a model that is no nn.Module.
import { describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';

const { swaUtils } = torch.optim;

class Model {
  weight = torch.tensor([1, -2], { dtype: 'float64', requiresGrad: true });
  count = torch.tensor(0);
  parameters(): torch.Tensor[] {
    return [this.weight];
  }
  buffers(): torch.Tensor[] {
    return [this.count];
  }
  forward(x: torch.Tensor): torch.Tensor {
    return x.mul(this.weight);
  }
  put(i: number): void {
    torch.noGrad(() => this.weight.copy_(torch.tensor([1 + i * i, -2 - 3 * i])));
    this.count.fill_(i);
  }
}
const mean = [
  [1, -2],
  [1.5, -3.5],
  [8 / 3, -5],
  [4.5, -6.5],
];
const moving = [
  [1, -2],
  [1.25, -2.75],
  [2.1875, -4.0625],
  [4.140625, -5.796875],
];

describe('AveragedModel', () => {
  it.each([
    ['the mean', {}, mean],
    ['the mean one by one', { avgFn: swaUtils.getSwaAvgFn() }, mean],
    ['a moving average', { multiAvgFn: swaUtils.getEmaMultiAvgFn(0.75) }, moving],
    ['a moving average one by one', { avgFn: swaUtils.getEmaAvgFn(0.75) }, moving],
  ])('%s', (_, options, want) => {
    const model = new Model();
    const averaged = new swaUtils.AveragedModel(model, options);
    want.forEach((row, i) => {
      model.put(i);
      averaged.updateParameters(model);
      const got = averaged.module.weight.tolist() as number[];
      got.forEach((x, k) => {
        expect(x).toBeCloseTo(row[k]!, 14);
      });
      expect(averaged.module.count.item()).toBe(i);
      expect(averaged.nAveraged.item()).toBe(i + 1);
    });
    expect(averaged.module).toBeInstanceOf(Model);
    expect((averaged.forward(torch.ones([2], { dtype: 'float64' })) as torch.Tensor).requiresGrad).toBe(true);
  });

  it('takes one kind of function, and a decay in [0, 1]', () => {
    const both = { avgFn: swaUtils.getSwaAvgFn(), multiAvgFn: swaUtils.getSwaMultiAvgFn() };
    expect(() => new swaUtils.AveragedModel(new Model(), both)).toThrow(
      'Only one of avg_fn and multi_avg_fn should be provided',
    );
    expect(() => swaUtils.getEmaAvgFn(1.5)).toThrow(
      'Invalid decay value 1.5 provided. Please provide a value in [0,1] range.',
    );
  });
});

describe('updateBn', () => {
  class BatchNorm1d {
    momentum: number | null = 0.1;
    resets = 0;
    seen: (number | null)[] = [];
    resetRunningStats(): void {
      this.resets++;
    }
  }
  class Net {
    training = false;
    norm = new BatchNorm1d();
    modules(): object[] {
      return [this, this.norm];
    }
    train(mode = true): void {
      this.training = mode;
    }
    forward(x: torch.Tensor): void {
      if (this.training && !torch.isGradEnabled() && x.numel() === 2) this.norm.seen.push(this.norm.momentum);
    }
  }

  it('passes all data in training mode, with cumulative statistics, and restores the model', () => {
    const net = new Net();
    swaUtils.updateBn([torch.ones([2]), [torch.ones([2]), 'label']], net);
    expect([net.norm.resets, net.norm.seen, net.norm.momentum, net.training]).toEqual([
      1,
      [null, null],
      0.1,
      false,
    ]);
  });
});
