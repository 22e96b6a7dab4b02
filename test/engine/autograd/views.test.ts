// Views and in-place changes under every way to a derivative: backward, autograd.grad, func.jvp. Values and errors are PyTorch's.
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../engine/index.js';
import * as torch from '../../../engine/index.js';

const d = { dtype: 'float64' } as const;
const start = (): Tensor => torch.tensor([1.5, -0.5], { ...d, requiresGrad: true });
const rounded = (t: Tensor | null): unknown =>
  t === null ? null : (t.tolist() as number[]).map((v) => Number(v.toFixed(4)));

/** Functions of two numbers that change a base, or a view, after a view was taken; with their gradients. */
const programs: Record<string, { run: (x: Tensor) => Tensor; gradient: number[] }> = {
  'a base after its view': {
    run: (x) => {
      const a = x.mul(2);
      const v = a.view(-1);
      a.add_(1);
      return v.exp().sum();
    },
    gradient: [109.1963, 2],
  },
  'a base whose view is used before and after': {
    run: (x) => {
      const a = x.mul(2);
      const v = a.view(-1);
      const before = v.sum();
      a.mul_(3);
      return v.sum().add(before).add(a.sum());
    },
    gradient: [14, 14],
  },
  'a view of a view': {
    run: (x) => {
      const a = x.mul(2);
      const v = a.view(2, 1);
      v.narrow(0, 0, 1).mul_(5);
      return v.mul(v).sum();
    },
    gradient: [300, -4],
  },
  'a base after an expanded view': {
    run: (x) => {
      const a = x.mul(2);
      const v = a.expand(3, 2);
      a.mul_(4);
      return v.sum();
    },
    gradient: [24, 24],
  },
};

describe('in-place changes beside views', () => {
  for (const [name, { run, gradient }] of Object.entries(programs)) {
    it(`${name}: backward`, () => {
      const x = start();
      run(x).backward();
      expect(rounded(x.grad)).toEqual(gradient);
    });
    it(`${name}: autograd.grad`, () => {
      const x = start();
      expect(rounded(torch.autograd.grad(run(x), x)[0]!)).toEqual(gradient);
    });
    it(`${name}: func.jvp`, () => {
      const x = start().detach();
      const [, tangent] = torch.func.jvp(run, [x], [torch.tensor([1, 10], d)]);
      expect(tangent.item()).toBeCloseTo(gradient[0]! + 10 * gradient[1]!, 2);
    });
  }
});

it('one number may be written everywhere in an expanded tensor', () => {
  const x = torch.ones([1]);
  expect(x.expand(3).zero_().tolist()).toEqual([0, 0, 0]);
  expect(x.expand(3).fill_(2).tolist()).toEqual([2, 2, 2]);
  expect(() => x.expand(3).fill_(torch.tensor(3))).toThrow(/more than one element of the written-to tensor/);
  expect(x.tolist()).toEqual([2]);
});

describe('views that must not be changed', () => {
  const refused = (change: () => unknown, text: RegExp): void => {
    expect(change).toThrow(torch.RuntimeError);
    expect(change).toThrow(text);
  };
  it('one taken without recording', () => {
    const a = start().mul(1);
    const v = torch.noGrad(() => a.view(-1));
    refused(
      () => v.mul_(2),
      /^mul_: .*A view was created in no_grad mode and is being modified inplace with grad/,
    );
    const w = v.view(2, 1);
    refused(
      () => w.mul_(2),
      /Output 0 of View is a view of a view which was created in no_grad mode and is being/,
    );
    torch.noGrad(() => v.mul_(2));
    refused(
      () => v.mul(2),
      /A view was created in no_grad mode and its base or another view of its base has been/,
    );
    expect(String(v)).toContain('grad_fn=<Invalid>');
    a.sum().backward();
  });
  it('one of several, also where only the other operand needs a gradient', () => {
    const [first] = torch.ones([2], d).unbind();
    refused(
      () => first!.mul_(start().select(0, 0)),
      /This view is the output of a function that returns multiple views/,
    );
    const [second] = start().mul(1).split(1);
    refused(() => second!.unsqueeze_(0), /Output 0 of Split is a view and is being modified inplace/);
  });
  it('a view of a leaf', () => {
    refused(() => start().view(2, 1).mul_(2), /a view of a leaf Variable that requires grad/);
  });
  it('an unrecorded view needs a gradient as its base does, and passes none on', () => {
    const x = start();
    const v = torch.noGrad(() => x.view(-1));
    expect([v.requiresGrad, v.isLeaf]).toEqual([true, true]);
    v.mul(2).sum().backward();
    expect([x.grad, v.grad]).toEqual([null, null]);
    expect(() => v.backward(torch.ones([2], d))).toThrow(/does not require grad and does not have a grad_fn/);
  });
});

describe('in-place changes whose operands share memory', () => {
  const names = ['mul_', 'div_', 'atan2_', 'pow_', 'fmod_', 'remainder_', 'hypot_', 'xlogy_', 'copysign_'];
  const operands: Record<string, (a: Tensor) => Tensor> = {
    itself: (a) => a,
    'a view': (a) => a.view(-1),
    'a part': (a) => a.narrow(0, 0, 1),
    'a detached alias': (a) => a.detach(),
  };
  /** The gradient; 'refused' where the values that it needs are gone. */
  const derived = (run: () => Tensor): unknown => {
    try {
      return rounded(run());
    } catch (error) {
      expect((error as Error).message).toMatch(/modified by an inplace operation/);
      return 'refused';
    }
  };
  for (const name of names) {
    for (const [what, operand] of Object.entries(operands)) {
      it(`${name} with ${what}`, () => {
        type Call = (other: Tensor) => Tensor;
        const call = (x: Tensor, method: string, other: Tensor): Tensor =>
          (x as unknown as Record<string, Call>)[method]!.call(x, other);
        const positive = (): Tensor => torch.tensor([1.5, 0.75], { ...d, requiresGrad: true });
        const x = positive();
        const a = x.mul(2);
        call(a, name, operand(a));
        const z = positive();
        const b = z.mul(2);
        call(b, name.slice(0, -1), operand(b)).sum().backward();
        const found = derived(() => {
          a.sum().backward();
          return x.grad!;
        });
        if (found !== 'refused') expect(found).toEqual(rounded(z.grad));
      });
    }
  }
  it('addcmul_ and addcdiv_ with themselves', () => {
    for (const op of ['addcmul_', 'addcdiv_'] as const) {
      const a = start().mul(2);
      a[op](a, a);
      expect(() => a.sum().backward()).toThrow(/modified by an inplace operation/);
    }
  });
  it('mul_ with itself is refused, and the copy that its first operand needs is kept', () => {
    const x = start();
    const a = x.mul(2);
    a.mul_(a);
    expect(() => a.sum().backward()).toThrow(
      /\[torch.DoubleTensor \[2\]\].* is at version 1; expected version 0/,
    );
    const b = x.mul(2);
    b.mul_(b.clone());
    b.sum().backward();
    expect(rounded(x.grad)).toEqual([12, -4]);
  });
});
