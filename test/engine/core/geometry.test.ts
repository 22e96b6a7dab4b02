// Geometry is a tensor's own: shapes cannot be changed from outside, and no array of a caller is kept.
import { describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';

describe('a shape', () => {
  it('is frozen, the same array each time, and no property to assign', () => {
    const x = torch.ones([3, 2]);
    expect(x.shape).toBe(x.shape);
    expect(Object.isFrozen(x.shape)).toBe(true);
    expect(() => {
      (x.shape as number[])[0] = 9;
    }).toThrow(TypeError);
    expect(() => (x.shape as number[]).reverse()).toThrow(TypeError);
    expect(() => {
      (x as { shape: unknown }).shape = [2, 3];
    }).toThrow(TypeError);
    expect(x.shape).toEqual([3, 2]);
  });

  it('of a result is not tied to that of an operand', () => {
    const x = torch.ones([3, 2]);
    const y = x.add(1);
    expect(y.shape).toEqual([3, 2]);
    (y.size() as number[])[0] = 9;
    (y.stride() as number[])[0] = 9;
    expect([x.shape, x.stride(), y.shape, y.stride()]).toEqual([
      [3, 2],
      [2, 1],
      [3, 2],
      [2, 1],
    ]);
  });

  it('follows a tensor that is resized', () => {
    const x = torch.zeros([4]);
    const before = x.shape;
    x.resize_([2, 2]);
    expect([before, x.shape]).toEqual([[4], [2, 2]]);
  });
});

describe('lists of a caller', () => {
  it('are copied', () => {
    const sizes = [3, 2];
    const strides = [2, 1];
    const made = [
      torch.zeros(sizes),
      torch.ones(6).view(sizes),
      torch.ones([3, 1]).expand(sizes),
      torch.ones(6).asStrided(sizes, strides),
      torch.fromNumpy({ data: new Float32Array(6), shape: sizes, strides }),
      torch.emptyStrided(sizes, strides),
    ];
    sizes[0] = 1e6;
    strides[0] = 1e6;
    for (const x of made) {
      expect(x.shape).toEqual([3, 2]);
      expect(x.add(1).shape).toEqual([3, 2]);
    }
  });

  it('with holes are refused', () => {
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
    expect(() => torch.ones([4]).asStrided([2, 1e6], [, 1] as never)).toThrow(TypeError);
    const image = torch.ones([1, 1, 3, 3]);
    expect(() => torch.conv2d(image, image, null, new Array(2) as never)).toThrow(TypeError);
    expect(() => torch.cat(new Array(2) as never)).toThrow(TypeError);
  });

  it('are read once', () => {
    let reads = 0;
    const array = {
      data: new Float32Array(8),
      get shape() {
        reads++;
        return reads === 1 ? [8] : [1e8];
      },
    };
    expect(torch.fromNumpy(array).add_(1).sum().item()).toBe(8);
    expect(reads).toBe(1);
  });
});

describe('more elements than a number counts', () => {
  it('is PyTorch’s error', () => {
    const huge = 2 ** 33;
    expect(() => torch.ones([1]).expand([huge, huge])).toThrow('numel: integer multiplication overflow');
    expect(() =>
      torch.fromNumpy({ data: new Float32Array(8), shape: [2 ** 53, 2 ** 53], strides: [0, 0] }),
    ).toThrow('numel: integer multiplication overflow');
    expect(torch.zeros([0, huge, huge]).numel()).toBe(0);
  });
});
