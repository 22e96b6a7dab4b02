// What PyTorch's database does not cover: views in place, one view of several, resized tensors, out tensors.
import { describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';

const base = (): torch.Tensor => torch.arange(6).to('float64').reshape(2, 3).requiresGrad_();

describe('a view in place', () => {
  it('changes the tensor itself and passes gradients', () => {
    const x = base();
    const y = x.mul(2);
    expect(y.t_()).toBe(y);
    expect(y.shape).toEqual([3, 2]);
    y.mul(torch.arange(6).to('float64').reshape(3, 2)).sum().backward();
    expect(x.grad!.tolist()).toEqual([
      [0, 4, 8],
      [2, 6, 10],
    ]);
  });
  it('leaves other views of the same memory right, values and gradients', () => {
    const x = base();
    const y = x.mul(2);
    const flat = y.view(6);
    y.transpose_(0, 1).unsqueeze_(0);
    expect(y.shape).toEqual([1, 3, 2]);
    flat.mul(flat).sum().backward();
    expect(x.grad!.tolist()).toEqual([
      [0, 8, 16],
      [24, 32, 40],
    ]);
  });
  it('refuses a leaf that needs a gradient, and changes nothing then', () => {
    const x = base();
    expect(() => x.t_()).toThrow(/t_: .*leaf/);
    expect(x.shape).toEqual([2, 3]);
  });
});

describe('one view of several', () => {
  it.each([
    ['unbind', (x: torch.Tensor) => x.unbind()],
    ['split', (x: torch.Tensor) => x.split(1)],
    ['chunk', (x: torch.Tensor) => x.chunk(2)],
  ] as const)('of %s must not be changed while recording', (_, cut) => {
    const y = base().mul(1);
    const [first] = cut(y) as torch.Tensor[];
    expect(() => first!.mul_(2)).toThrow(/Output 0 of \w+ is a view and is being modified inplace/);
    expect(() => first!.view(-1).add_(1)).toThrow(/returns multiple views/);
    torch.noGrad(() => first!.mul_(2));
    expect(() => first!.gradFn).toThrow(/its base or another view of its base has been modified inplace/);
  });
  it('of tensorSplit and unsafeSplit may be', () => {
    const x = base();
    const y = x.mul(1);
    y.tensorSplit(2)[0]!.mul_(3);
    y.sum().backward();
    expect(x.grad!.tolist()).toEqual([
      [3, 3, 3],
      [1, 1, 1],
    ]);
    expect(x.mul(1).unsafeSplit(1)[0]!.mul_(2).gradFn!.name).toBe('MulBackward0');
  });
});

describe('resize_', () => {
  it('keeps the memory where the size fits, and grows it where nobody shares it', () => {
    const x = torch.ones(2, 3);
    const { address } = x;
    expect(x.resize_(3).tolist()).toEqual([1, 1, 1]);
    expect(x.address).toBe(address);
    const grown = torch.ones(3).resize_(500, 10);
    expect(grown.shape).toEqual([500, 10]);
    expect(grown.at(0, '0:3').tolist()).toEqual([1, 1, 1]);
  });
  it('refuses to grow memory that another tensor shows', () => {
    const x = torch.ones(3);
    x.view(3);
    expect(() => x.resize_(10)).toThrow(/resize_: .*share/);
    expect(x.shape).toEqual([3]);
  });
});

describe('out', () => {
  it('takes the result and its shape', () => {
    const out = torch.zeros(1);
    const got = torch.take(torch.arange(5).to('float32'), torch.tensor([3, 1]), { out });
    expect(got).toBe(out);
    expect(out.tolist()).toEqual([3, 1]);
  });
  it('is refused where it shares memory with an input', () => {
    const x = torch.arange(3);
    expect(() => torch.cat([x, x], 0, { out: x })).toThrow(/cat: .*single memory location/);
    expect(x.tolist()).toEqual([0, 1, 2]);
  });
});
