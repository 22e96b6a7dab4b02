// Attention by blocks against two products and a softmax.
import { describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';

const f64 = { dtype: 'float64' } as const;
const { scaledDotProductAttention } = torch.nn.functional;
type Case = {
  lead: number[];
  l: number;
  s: number;
  mask?: 'bool' | 'float' | 'rows';
  isCausal?: boolean;
  scale?: number;
};

function plainly(
  q: torch.Tensor,
  k: torch.Tensor,
  v: torch.Tensor,
  mask: torch.Tensor | null,
  c: Case,
): torch.Tensor {
  const scores = q.matmul(k.transpose(-2, -1)).mul(c.scale ?? 1 / Math.sqrt(q.shape.at(-1)!));
  const seen = c.isCausal ? torch.ones([c.l, c.s], { dtype: 'bool' }).tril() : mask;
  if (seen === null) return scores.softmax(-1).matmul(v);
  if (seen.dtype.isFloatingPoint) return scores.add(seen).softmax(-1).matmul(v);
  return scores.maskedFill(seen.logicalNot(), -Infinity).softmax(-1).nanToNum(0).matmul(v);
}
function maskFor(c: Case): torch.Tensor | null {
  if (c.mask === undefined) return null;
  if (c.mask === 'float') return torch.randn([c.l, c.s], f64);
  const seen = torch.rand([c.lead[0] ?? 1, 1, c.mask === 'rows' ? 1 : c.l, c.s]).gt(0.3);
  // Queries that see nothing at all.
  if (c.mask === 'bool') seen.at(0, 0, 1).fill_(false);
  return seen;
}

describe.each<[string, Case]>([
  ['one block', { lead: [2, 3], l: 5, s: 7 }],
  ['no leading dims', { lead: [], l: 5, s: 7 }],
  ['causal', { lead: [2, 3], l: 6, s: 6, isCausal: true }],
  ['causal, more keys', { lead: [2, 3], l: 4, s: 7, isCausal: true }],
  ['causal, fewer keys', { lead: [2, 3], l: 7, s: 4, isCausal: true, scale: 0.3 }],
  ['one causal query', { lead: [2], l: 1, s: 5, isCausal: true }],
  ['what may be seen', { lead: [2, 3], l: 5, s: 7, mask: 'bool' }],
  ['padding', { lead: [2, 3], l: 5, s: 7, mask: 'rows' }],
  ['a bias', { lead: [2, 3], l: 5, s: 7, mask: 'float' }],
  ['blocks', { lead: [4, 16], l: 150, s: 300 }],
  ['causal blocks', { lead: [4, 16], l: 150, s: 300, isCausal: true }],
  ['causal blocks, fewer keys', { lead: [4, 16], l: 300, s: 270, isCausal: true }],
  ['blocks of what may be seen', { lead: [4, 16], l: 150, s: 300, mask: 'bool' }],
  ['blocks with a bias', { lead: [4, 16], l: 150, s: 300, mask: 'float' }],
])('%s', (_, c) => {
  const mask = maskFor(c);
  const leaf = (n: number, e: number) => torch.randn([...c.lead, n, e], f64).requiresGrad_();
  const inputs = [leaf(c.l, 4), leaf(c.s, 4), leaf(c.s, 3)] as const;
  const same = (got: (torch.Tensor | null)[], want: (torch.Tensor | null)[], what: string) => {
    for (const [i, one] of got.entries())
      expect(torch.allclose(one!, want[i]!, { rtol: 1e-11, atol: 1e-12 }), `${what} ${i}`).toBe(true);
  };
  const derivatives = (
    run: (...x: torch.Tensor[]) => torch.Tensor,
    second: boolean,
  ): (torch.Tensor | null)[] => {
    const out = run(...inputs);
    const first = torch.autograd.grad([out], [...inputs], {
      gradOutputs: [out.detach().sin()],
      createGraph: second,
    });
    if (!second) return [out, ...first];
    const mixed = first.map((g) => g!.sin().sum()).reduce((a, b) => a.add(b));
    return [out, ...first, ...torch.autograd.grad([mixed], [...inputs])];
  };
  const options = { attnMask: mask, isCausal: c.isCausal ?? false, scale: c.scale ?? null };
  const run = (q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) =>
    scaledDotProductAttention(q, k, v, options);
  const plain = (q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) => plainly(q, k, v, mask, c);

  it('value and gradients', () => {
    const want = derivatives(plain as never, false);
    same(derivatives(run as never, false), want, 'plain');
    const turned = (x: torch.Tensor) => (x.ndim < 4 ? x : x.transpose(1, 2).contiguous().transpose(1, 2));
    same(
      derivatives(
        ((...x: torch.Tensor[]) =>
          run(...(x.map(turned) as [torch.Tensor, torch.Tensor, torch.Tensor]))) as never,
        false,
      ),
      want,
      'strided',
    ); // prettier-ignore
    const bits = derivatives(run as never, false);
    const before = torch.getNumThreads();
    for (const threads of [1, 3]) {
      torch.setNumThreads(threads);
      const again = derivatives(run as never, false);
      torch.setNumThreads(before);
      for (const [i, one] of again.entries()) expect(one!.equal(bits[i]!), `${threads} threads`).toBe(true);
    }
  });
  it.runIf(c.l * c.s < 100)('second gradients', () => {
    // Where nothing is seen, the plain way gives NaN second gradients.
    if (c.mask !== 'bool') same(derivatives(run as never, true), derivatives(plain as never, true), 'second');
  });
  it('float32 is as near float64 as its products are', () => {
    const single = inputs.map((x) => x.detach().float()) as [torch.Tensor, torch.Tensor, torch.Tensor];
    const masks = mask?.dtype.isFloatingPoint ? mask.float() : mask;
    const got = scaledDotProductAttention(...single, { ...options, attnMask: masks });
    const want = plainly(
      ...(single.map((x) => x.double()) as typeof single),
      masks?.dtype.isFloatingPoint ? masks.double() : masks,
      c,
    ); // prettier-ignore
    expect(got.double().sub(want).abs().max().item()).toBeLessThan(2e-6);
  });
});

it('a saved operand that was changed is an error', () => {
  const q = torch.ones([1, 2, 3], f64).requiresGrad_();
  const k = torch.ones([1, 2, 3], f64);
  const y = scaledDotProductAttention(q, k, torch.ones([1, 2, 3], f64));
  k.add_(1);
  expect(() => y.sum().backward()).toThrow(/modified by an inplace operation/);
});
