// Vocabulary of sample calls in declarations. Data only: the fixture writer in Python, the suites and the bench read
// the same description.

/** How a sample tensor's values are drawn. The reference writer gives each its exact meaning. */
export type Fill =
  | 'normal' // standard normal (floats), integers in [-9, 9] (ints), coin flips (bool); the default
  | 'uniform' // [-2, 2)
  | 'positive' // [0.1, 3)
  | 'unit' // [-0.95, 0.95)
  | 'probability' // [0.05, 0.95)
  | 'above1' // [1.05, 4)
  | 'large' // [-50, 50)
  | 'special' // a cycle of nan, inf, -inf, -0, 0, denormals, huge and ordinary values
  | 'distinct' // a shuffled evenly spaced grid: no ties, gaps of at least 0.05
  | 'ties' // small whole numbers, many equal
  | 'nonzero' // |x| in [0.2, 2), either sign
  | 'zeros'
  | 'ones'
  | 'arange'
  | { readonly low: number; readonly high: number } // whole numbers in [low, high)
  | { readonly values: readonly (number | string | boolean)[] }; // literal, row-major; 'nan', 'inf', '-inf' as strings

/** How the sample lies in memory. */
export type Layout =
  | 'contiguous'
  | 'transposed' // the last two dims are swapped in storage
  | 'strided' // every second element of the last dim of a twice as wide storage, gaps poisoned
  | 'offset' // storage offset 3
  | 'expanded'; // dim 0 has stride 0

export interface TensorSpec {
  readonly tensor: {
    readonly shape: readonly number[];
    readonly dtype?: string; // default float32
    readonly fill?: Fill;
    readonly layout?: Layout;
    readonly grad?: boolean; // default: true for floating dtypes
  };
}

/** A special scalar that JSON cannot carry. */
export interface SpecialScalar {
  readonly special: 'nan' | 'inf' | '-inf';
}
export interface DtypeSpec {
  readonly dtype: string;
}

export type ArgSpec =
  | TensorSpec
  | SpecialScalar
  | DtypeSpec
  | number
  | boolean
  | string
  | null
  | readonly ArgSpec[];

/** One call of an op in PyTorch's own parameter order: positional arguments, then keyword arguments by PyTorch's names. */
export interface Sample {
  readonly args: readonly ArgSpec[];
  readonly kwargs?: Readonly<Record<string, ArgSpec>>;
  /** Why gradients of this sample are not compared or checked numerically (a kink, a special value). */
  readonly noGrad?: string;
  /** For ops that draw random numbers or leave memory unset: only dtype and shape are compared. */
  readonly valuesUndefined?: boolean;
}

export interface TensorOptions {
  readonly dtype?: string;
  readonly fill?: Fill;
  readonly layout?: Layout;
  readonly grad?: boolean;
}

/** A sample tensor: `t([3, 5])`, `t([3, 5], { fill: 'positive', layout: 'transposed' })`. */
export function t(shape: readonly number[], options: TensorOptions = {}): TensorSpec {
  return { tensor: { shape, ...options } };
}

/** A sample call: `call([t([3, 5]), 1], { keepdim: true })`. */
export function call(
  args: readonly ArgSpec[],
  kwargs: Readonly<Record<string, ArgSpec>> = {},
  extra: { readonly noGrad?: string; readonly valuesUndefined?: boolean } = {},
): Sample {
  return { args, kwargs, ...extra };
}
