// The call convention: positional arguments, and any parameter by name in one trailing options object, of every op.
import { describe, expect, expectTypeOf, it } from 'vitest';
import { camelCase } from '../../../engine/core/options.js';
import * as torch from '../../../engine/index.js';
import { bindCall } from '../../../engine/registry/calls.js';
import { registeredOps } from '../../../suites/common/registry.js';

const F = torch.nn.functional;
const x = torch.tensor([
  [1.5, 2],
  [3, 4],
  [5, 6],
]);
const image = torch.ones([1, 1, 4, 4]);
const kernel = torch.ones([1, 1, 3, 3]);
const text = (value: unknown): string => String(value);

describe('named arguments', () => {
  it('may follow any number of positional ones', () => {
    expect(F.conv2d(image, kernel, { padding: 1 }).shape).toEqual([1, 1, 4, 4]);
    expect(F.conv2d(image, kernel, null, 2, { padding: 1 }).shape).toEqual([1, 1, 2, 2]);
    expect(text(torch.arange(3, { dtype: 'float32' }))).toBe('tensor([0., 1., 2.])');
    expect(x.sum(1, { keepdim: true }).shape).toEqual([3, 1]);
    expect(x.sum({ dim: 1, keepdim: true }).shape).toEqual([3, 1]);
    expect(torch.sum(x, { dim: 0 }).shape).toEqual([2]);
    expect(torch.cat([x, x], { dim: 1 }).shape).toEqual([3, 4]);
    expect(torch.eye(2, { dtype: 'int64' }).dtype).toBe(torch.int64);
    expect(x.transpose({ dim0: 0, dim1: 1 }).shape).toEqual([2, 3]);
    expect(text(x.add_({ other: 0 }))).toBe(text(x));
    const q = torch.ones([1, 2, 2]);
    expect(F.scaledDotProductAttention(q, q, q, { isCausal: true }).shape).toEqual([1, 2, 2]);
  });

  it('may be spelled as in Python', () => {
    const target = torch.tensor([0, 1, 0]);
    const want = text(F.crossEntropy(x, target, { labelSmoothing: 0.1 }));
    expect(text(F.crossEntropy(x, target, { label_smoothing: 0.1 } as never))).toBe(want);
    expect(torch.zeros([2], { requires_grad: true } as never).requiresGrad).toBe(true);
    const y = torch.ones([1], { requiresGrad: true });
    const z = y.mul(2);
    z.backward(null, { retain_graph: true } as never);
    z.backward();
    expect(y.grad!.item()).toBe(4);
  });

  it('may stand after sizes that are spread', () => {
    expect(torch.zeros(2, 3, { dtype: 'int32' }).shape).toEqual([2, 3]);
    expect(torch.zeros({ size: [2] }).shape).toEqual([2]);
    expect(x.view(2, -1).shape).toEqual([2, 3]);
    expect(x.view({ size: [6] }).shape).toEqual([6]);
    expect(torch.randint(5, [2, 2]).shape).toEqual([2, 2]);
  });

  it('are read once, and undefined is not given', () => {
    let reads = 0;
    const options = {
      get dim() {
        reads++;
        return 1;
      },
    };
    expect(x.sum(options).shape).toEqual([3]);
    expect(reads).toBe(1);
    expect(x.sum(1, { keepdim: undefined }).shape).toEqual([3]);
    const bare = Object.assign(Object.create(null), { dim: 1 }) as { dim: number };
    expect(x.sum(bare).shape).toEqual([3]);
  });
});

describe('what is refused', () => {
  const cases: readonly (readonly [string, () => unknown, RegExp])[] = [
    [
      'an unknown name',
      () => F.crossEntropy(x, x, { label_smooth: 0.1 } as never),
      /got 'label_smooth'.*'labelSmoothing'/,
    ],
    ['a misspelled name', () => torch.zeros([2], { dtpye: 'int32' } as never), /Did you mean 'dtype'/],
    ['a name that resembles none', () => x.sum({ banana: 1 } as never), /It takes dim, keepdim, dtype/],
    [
      'an unknown option of backward',
      () => x.sum().backward(null, { keepGraph: true } as never),
      /backward: .*'keepGraph'/,
    ],
    [
      'an unknown print option',
      () => torch.setPrintOptions({ precison: 2 } as never),
      /Did you mean 'precision'/,
    ],
    [
      'a surplus argument of a method',
      () => (x.neg as (...a: unknown[]) => unknown)(1),
      /at most 0 arguments, got 1/,
    ],
    ['a positional keyword', () => F.gelu(x, 'tanh' as never), /options object: approximate/],
    ['a parameter given twice', () => x.sum(1, { dim: 0 } as never), /multiple values for argument 'dim'/],
    ['a missing argument', () => (x.add as () => unknown)(), /the argument 'other', got nothing/],
    [
      'an option of the wrong kind',
      () => x.sum(1, { keepdim: 1 } as never),
      /'keepdim' to be a boolean, got 1/,
    ],
    ['a fraction for an integer', () => x.sum({ dim: 0.5 } as never), /'dim' to be an integer/],
    ['a plain object for a tensor', () => torch.add({ input: {} as never, other: 1 } as never, 2), /add/],
    [
      'one more size after a list',
      () => (torch.zeros as (...a: unknown[]) => unknown)([2], 3),
      /one list of sizes/,
    ],
  ];
  for (const [name, call, words] of cases)
    it(name, () => {
      expect(call).toThrow(words);
      expect(call).toThrow(TypeError);
    });

  it('a string that is no choice, with the class that PyTorch raises', () => {
    expect(() => F.mseLoss(x, x, { reduction: 'most' as 'mean' })).toThrow(torch.ValueError);
    expect(() => F.mseLoss(x, x, { reduction: 'most' as 'mean' })).toThrow(/'none', 'mean', 'sum'.*"most"/);
    expect(() => F.gelu(x, { approximate: 'erf' as 'tanh' })).toThrow(torch.RuntimeError);
    expect(() => F.pad(x, [1, 1], 'wrap' as 'reflect')).toThrow(torch.NotImplementedError);
  });
});

/** Arguments that only have to be told apart. */
const mark = (name: string): object =>
  new (class Mark {
    readonly of = name;
  })();

describe('every op', () => {
  it('binds positional, named, Python-named and mixed calls to the same arguments', () => {
    let checked = 0;
    for (const { op } of registeredOps()) {
      const want = op.params.map((p) => mark(p.name));
      const positional = op.params.flatMap((p, i) => (p.keyword === true ? [] : [i]));
      const named = (from: number, name: (n: string) => string): Record<string, unknown> =>
        Object.fromEntries(
          op.params.flatMap((p, i) =>
            positional.indexOf(i) >= 0 && positional.indexOf(i) < from ? [] : [[name(p.name), want[i]]],
          ),
        );
      for (let k = 0; k <= positional.length; k++)
        for (const spelling of [camelCase, (n: string) => n]) {
          const given = [...positional.slice(0, k).map((i) => want[i]), named(k, spelling)];
          const most = positional.length + 1;
          const padded = [...given, ...new Array<undefined>(most - given.length).fill(undefined)];
          expect(bindCall(op, padded, given.length)).toEqual(want);
          checked++;
        }
    }
    expect(checked).toBeGreaterThan(2000);
  });

  it('has distinct names, in our spelling too', () => {
    for (const { op } of registeredOps()) {
      const names = op.params.map((p) => camelCase(p.name));
      expect(new Set(names).size, op.name).toBe(names.length);
    }
  });
});

describe('types', () => {
  it('name the choices, the options and the results', () => {
    expectTypeOf(F.conv2d).toBeCallableWith(image, kernel, { padding: 1 });
    expectTypeOf(x.sum).toBeCallableWith(1, { keepdim: true });
    expectTypeOf<torch.MseLossOptions['reduction']>().toEqualTypeOf<'none' | 'mean' | 'sum' | undefined>();
    expectTypeOf(x.sum({ dim: 1 })).toEqualTypeOf<torch.Tensor>();
    // @ts-expect-error no such choice
    expect(() => F.mseLoss(x, x, { reduction: 'most' })).toThrow();
    // @ts-expect-error no such option
    expect(() => x.sum({ keepdims: true })).toThrow();
    // @ts-expect-error a keyword is not positional
    expect(() => F.gelu(x, 'tanh')).toThrow();
  });
});
