// Initial values of parameters, as torch.nn.init: `init.kaimingNormal_(layer.weight)`. Nothing here is recorded.
import { noGrad } from '../autograd/grad-mode.js';
import { message, ValueError } from '../core/errors.js';
import { readOptions } from '../core/options.js';
import type { Generator } from '../core/random.js';
import type { Tensor } from '../core/tensor.js';
import { diagonal, emptyLike, eye, linalg, randperm, where } from '../generated/functions.js';

export type Nonlinearity =
  | 'linear'
  | 'conv1d'
  | 'conv2d'
  | 'conv3d'
  | 'conv_transpose1d'
  | 'conv_transpose2d'
  | 'conv_transpose3d'
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'leaky_relu'
  | 'selu';
export type FanMode = 'fan_in' | 'fan_out';
export interface InitOptions {
  /** Where the random numbers come from. Default: the default generator. */
  generator?: Generator | null;
}
export interface KaimingOptions extends InitOptions {
  /** The negative slope of the activation that follows, for 'leaky_relu'. Default 0. */
  a?: number;
  /** Which variance is kept: 'fan_in' that of the forward pass, 'fan_out' that of the backward pass. Default 'fan_in'. */
  mode?: FanMode;
  /** The activation that follows. Default 'leaky_relu'. */
  nonlinearity?: Nonlinearity;
}

const LINEAR: readonly string[] = [
  'linear',
  'conv1d',
  'conv2d',
  'conv3d',
  'conv_transpose1d',
  'conv_transpose2d',
  'conv_transpose3d',
  'sigmoid',
];

function generatorOf(op: string, options: InitOptions): { generator: Generator | null } {
  return { generator: readOptions<InitOptions>(op, options, ['generator']).generator ?? null };
}

/** The factor by which a nonlinearity changes a standard deviation. @throws ValueError for an unknown one */
export function calculateGain(nonlinearity: Nonlinearity, param: number | null = null): number {
  if (LINEAR.includes(nonlinearity)) return 1;
  switch (nonlinearity) {
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.SQRT2;
    case 'leaky_relu':
      if (param !== null && typeof param !== 'number')
        throw new ValueError(
          message(
            'calculateGain',
            'a number',
            String(param),
            `negative_slope ${String(param)} not a valid number`,
          ),
        );
      return Math.sqrt(2 / (1 + (param ?? 0.01) ** 2));
    case 'selu':
      return 3 / 4;
    default:
      throw new ValueError(
        message(
          'calculateGain',
          'a known nonlinearity',
          `'${nonlinearity}'`,
          `Unsupported nonlinearity ${nonlinearity}`,
        ),
      );
  }
}

/** The numbers of values that one result is made of, and that one value goes into. @throws ValueError below 2 dims */
export function calculateFanInAndFanOut(x: Tensor): { fanIn: number; fanOut: number } {
  if (x.ndim < 2)
    throw new ValueError(
      message(
        'calculateFanInAndFanOut',
        'at least 2 dims',
        String(x.ndim),
        'Fan in and fan out can not be computed for tensor with fewer than 2 dimensions',
      ),
    );
  const field = x.sizes.slice(2).reduce((a, b) => a * b, 1);
  return { fanIn: x.sizes[1]! * field, fanOut: x.sizes[0]! * field };
}

/** Uniform over [a, b). */
export function uniform_(x: Tensor, a = 0, b = 1, options: InitOptions = {}): Tensor {
  return noGrad(() => x.uniform_(a, b, generatorOf('uniform_', options)));
}
/** Normal of this mean and standard deviation. */
export function normal_(x: Tensor, mean = 0, std = 1, options: InitOptions = {}): Tensor {
  return noGrad(() => x.normal_(mean, std, generatorOf('normal_', options)));
}
/** One value everywhere. */
export function constant_(x: Tensor, value: number): Tensor {
  return noGrad(() => x.fill_(value));
}
export function ones_(x: Tensor): Tensor {
  return constant_(x, 1);
}
export function zeros_(x: Tensor): Tensor {
  return noGrad(() => x.zero_());
}
/** The identity matrix. @throws ValueError without 2 dims */
export function eye_(x: Tensor): Tensor {
  requireDims('eye_', x, [2], 'Only tensors with 2 dimensions are supported');
  return noGrad(() => x.copy_(eye(x.sizes[0]!, x.sizes[1]!)));
}

/** Normal values, drawn again where they fall outside [a, b]. */
export function truncNormal_(x: Tensor, mean = 0, std = 1, a = -2, b = 2, options: InitOptions = {}): Tensor {
  const source = generatorOf('truncNormal_', options);
  const inside = normalCdf((b - mean) / std) - normalCdf((a - mean) / std);
  return noGrad(() =>
    inside > 0.3 ? redrawn(x, mean, std, a, b, source) : rejected(x, mean, std, a, b, source),
  );
}
/** Enough of the normal distribution lies inside: what falls outside is drawn again. */
function redrawn(x: Tensor, mean: number, std: number, a: number, b: number, source: InitOptions): Tensor {
  let result = x.normal_(mean, std, source);
  for (;;) {
    const outside = result.lt(a).logicalOr(result.gt(b));
    if (outside.any().item() !== true) break;
    result = where(outside, emptyLike(result).normal_(mean, std, source), result);
  }
  return result === x ? x : x.copy_(result);
}
/** The tail of the distribution: rejection sampling from uniform candidates, with log(u) against the log density below its peak. */
function rejected(x: Tensor, mean: number, std: number, a: number, b: number, source: InitOptions): Tensor {
  const mode = Math.max(a, Math.min(mean, b));
  const peak = -0.5 * ((mode - mean) / std) ** 2;
  const density = (c: Tensor): Tensor => c.sub(mean).div(std).pow(2).mul(-0.5).sub(peak);
  let result = x.uniform_(a, b, source);
  let candidates = result;
  const draw = (): Tensor => emptyLike(x).uniform_(0, 1, source).log();
  let pending = draw().gt(density(candidates));
  while (pending.any().item() === true) {
    candidates = emptyLike(x).uniform_(a, b, source);
    result = where(pending, candidates, result);
    pending = where(pending, draw().gt(density(candidates)), pending);
  }
  return result === x ? x : x.copy_(result);
}
/** The normal distribution function by the complementary error function's series; accurate enough to choose a method. */
function normalCdf(x: number): number {
  // Abramowitz and Stegun 26.2.17.
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const poly =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return x >= 0 ? 1 - tail : tail;
}

/**
 * The convolution that keeps its input: a one in the middle of each kernel.
 * @throws ValueError without 3, 4 or 5 dims, or where the groups do not divide dim 0
 */
export function dirac_(x: Tensor, groups = 1): Tensor {
  requireDims('dirac_', x, [3, 4, 5], 'Only tensors with 3, 4, or 5 dimensions are supported');
  const [rows, columns, ...kernel] = x.sizes as [number, number, ...number[]];
  if (rows % groups !== 0)
    throw new ValueError(
      message('dirac_', `groups that divide ${rows}`, String(groups), 'dim 0 must be divisible by groups'),
    );
  const each = rows / groups;
  return noGrad(() => {
    x.zero_();
    for (let g = 0; g < groups; g++)
      for (let d = 0; d < Math.min(each, columns); d++)
        x.setAt([g * each + d, d, ...kernel.map((size) => Math.floor(size / 2))], 1);
    return x;
  });
}

/** Glorot's uniform: the variance is 2 / (fan in + fan out). Glorot and Bengio 2010. */
export function xavierUniform_(x: Tensor, gain = 1, options: InitOptions = {}): Tensor {
  const { fanIn, fanOut } = calculateFanInAndFanOut(x);
  const bound = Math.sqrt(3) * gain * Math.sqrt(2 / (fanIn + fanOut));
  return uniform_(x, -bound, bound, options);
}
/** Glorot's normal: the variance is 2 / (fan in + fan out). */
export function xavierNormal_(x: Tensor, gain = 1, options: InitOptions = {}): Tensor {
  const { fanIn, fanOut } = calculateFanInAndFanOut(x);
  return normal_(x, 0, gain * Math.sqrt(2 / (fanIn + fanOut)), options);
}

/** He's uniform: the variance is gain² / fan. He et al. 2015. */
export function kaimingUniform_(x: Tensor, options: KaimingOptions = {}): Tensor {
  const made = kaiming('kaimingUniform_', x, options);
  if (made === null) return x;
  const bound = Math.sqrt(3) * made.std;
  return noGrad(() => x.uniform_(-bound, bound, { generator: made.generator }));
}
/** He's normal: the variance is gain² / fan. */
export function kaimingNormal_(x: Tensor, options: KaimingOptions = {}): Tensor {
  const made = kaiming('kaimingNormal_', x, options);
  if (made === null) return x;
  return noGrad(() => x.normal_(0, made.std, { generator: made.generator }));
}
function kaiming(
  op: string,
  x: Tensor,
  options: KaimingOptions,
): { std: number; generator: Generator | null } | null {
  const {
    a = 0,
    mode = 'fan_in',
    nonlinearity = 'leaky_relu',
    generator = null,
  } = readOptions<KaimingOptions>(op, options, ['a', 'mode', 'nonlinearity', 'generator']);
  if (x.sizes.includes(0)) return null;
  if (mode !== 'fan_in' && mode !== 'fan_out')
    throw new ValueError(
      message(op, "mode 'fan_in' or 'fan_out'", String(mode), `Mode ${String(mode)} not supported`),
    );
  const { fanIn, fanOut } = calculateFanInAndFanOut(x);
  return { std: calculateGain(nonlinearity, a) / Math.sqrt(mode === 'fan_in' ? fanIn : fanOut), generator };
}

/** Orthogonal rows or columns, times gain. Saxe et al. 2013. @throws ValueError below 2 dims */
export function orthogonal_(x: Tensor, gain = 1, options: InitOptions = {}): Tensor {
  if (x.ndim < 2)
    throw new ValueError(
      message(
        'orthogonal_',
        'at least 2 dims',
        String(x.ndim),
        'Only tensors with 2 or more dimensions are supported',
      ),
    );
  if (x.numel() === 0) return x;
  const source = generatorOf('orthogonal_', options);
  return noGrad(() => {
    const rows = x.sizes[0]!;
    const columns = x.numel() / rows;
    const drawn = emptyLike(x).reshape(rows, columns).contiguous().normal_(0, 1, source);
    const [q, r] = linalg.qr(rows < columns ? drawn.t() : drawn) as unknown as [Tensor, Tensor];
    const signed = q.mul(diagonal(r).sign());
    return x.copy_((rows < columns ? signed.t() : signed).reshape(x.sizes)).mul_(gain);
  });
}

/** Normal values, of which a share `sparsity` of each column is zero. Martens 2010. @throws ValueError without 2 dims */
export function sparse_(x: Tensor, sparsity: number, std = 0.01, options: InitOptions = {}): Tensor {
  requireDims('sparse_', x, [2], 'Only tensors with 2 dimensions are supported');
  const source = generatorOf('sparse_', options);
  const [rows, columns] = x.sizes as [number, number];
  const count = Math.ceil(sparsity * rows);
  return noGrad(() => {
    x.normal_(0, std, source);
    for (let column = 0; column < columns; column++) x.setAt([randperm(rows).narrow(0, 0, count), column], 0);
    return x;
  });
}

function requireDims(op: string, x: Tensor, dims: readonly number[], hint: string): void {
  if (!dims.includes(x.ndim))
    throw new ValueError(message(op, `${dims.join(', ')} dims`, String(x.ndim), hint));
}
