// Cases that every pointwise op gets: shapes around vector and tile widths, broadcasts, layouts, special values, mixed
// dtypes, scalars, in-place.
import type { ArgSpec, Fill, Layout, Param, Sample, TensorSpec } from 'torchstone';
import type { CaseSource, LabelledSample, Variant } from './cases.js';
import { isFloating, isTensorSpec } from './tensor-specs.js';

type Tensor = TensorSpec['tensor'];

// Primes and a size past a tile's width: whatever assumes a multiple of eight shows.
const SHAPES = [[], [0], [3, 0], [7], [5, 3], [2, 3, 5], [17], [1031]] as const;
const LAYOUTS: readonly Layout[] = ['transposed', 'strided', 'offset', 'expanded'];
const BROADCASTS = [
  ['bcast-5x1-1x7', [5, 1], [1, 7]],
  ['bcast-3-scalar', [3], []],
  ['bcast-scalar-2x3', [], [2, 3]],
  ['bcast-2x1x5-3x1', [2, 1, 5], [3, 1]],
  ['bcast-0x3-1x3', [0, 3], [1, 3]],
] as const;
const MIXTURES = [
  ['float32', 'float64'],
  ['int64', 'float32'],
  ['int32', 'int8'],
  ['uint8', 'int8'],
  ['bool', 'int64'],
  ['bool', 'float32'],
  ['int16', 'uint8'],
] as const;
const SCALARS = [2.5, -3, 2, true, { special: 'nan' }, { special: '-inf' }] as const;
const SPECIAL_REASON = 'nan, infinities and zeros: no neighbourhood in which a derivative could be taken';

/** The arguments of a derived call: the op's tensor operands, and what else it needs, borrowed from its first sample. */
interface Template {
  readonly operands: readonly Tensor[];
  readonly scalarAt: number | undefined;
  readonly rest: readonly ArgSpec[];
  readonly kwargs: Readonly<Record<string, ArgSpec>>;
}

/** The derived samples of an op; none when it is not pointwise or its required arguments cannot be guessed. */
export function pointwiseSamples(op: CaseSource): LabelledSample[] {
  const template = op.pointwise && templateOf(op);
  if (!op.pointwise || !template) return [];
  const fill = op.pointwise.fill;
  const base: Variant[] = op.variants.includes('function') ? ['function'] : ['method'];
  const make = new Maker(template, fill, op.pointwise, base);
  make.shapes();
  make.layouts();
  make.dtypes();
  make.quadrants();
  make.specials();
  if (template.operands.length > 1) make.broadcasts();
  if (template.operands.length === 2) make.mixtures();
  if (template.scalarAt !== undefined) make.scalars(template.scalarAt);
  if (op.variants.includes('method')) make.method();
  if (op.variants.includes('inplace')) make.inplace();
  return make.made;
}

const NUMERIC = new Set(['tensor', 'tensorOrScalar', 'scalar', 'int']);

const isOperand = (param: Param): boolean =>
  (param.kind === 'tensor' || param.kind === 'tensorOrScalar') && param.default === undefined;

function templateOf(op: CaseSource): Template | undefined {
  const count = op.params.findIndex((param) => !isOperand(param));
  const operands = op.params.slice(0, count < 0 ? op.params.length : count);
  if (operands.length === 0) return undefined;
  const sample = op.samples.find((one) => one.args.slice(0, operands.length).every(isTensorSpec));
  const rest = op.params.slice(operands.length);
  // Required, or optional only by name: clamp without a bound is an error.
  const needsMore =
    rest.some((param) => param.default === undefined) ||
    (rest.some((param) => param.default === null && NUMERIC.has(param.kind)) &&
      op.samples.length > 0 &&
      op.samples.every((one) => one.args.length + Object.keys(one.kwargs ?? {}).length > operands.length));
  if (needsMore && !sample) return undefined;
  const scalarAt = operands.findIndex((param, at) => at > 0 && param.kind === 'tensorOrScalar');
  return {
    operands: operands.map((_, at) => {
      const given = sample?.args[at];
      const from = given !== undefined && isTensorSpec(given) ? given.tensor : undefined;
      // Only what belongs to the operand itself is borrowed: a mask stays a mask.
      return { shape: [5, 3], ...pick(from, 'dtype'), ...pick(from, 'fill'), ...pick(from, 'grad') };
    }),
    scalarAt: scalarAt < 0 ? undefined : scalarAt,
    rest: needsMore ? (sample?.args.slice(operands.length) ?? []) : [],
    kwargs: needsMore ? (sample?.kwargs ?? {}) : {},
  };
}

function pick<K extends keyof Tensor>(from: Tensor | undefined, key: K): Partial<Pick<Tensor, K>> {
  if (from?.[key] === undefined) return {};
  // A literal list of values fits one shape only.
  if (key === 'fill' && typeof from.fill === 'object' && 'values' in from.fill) return {};
  return { [key]: from[key] } as Pick<Tensor, K>;
}

class Maker {
  readonly made: LabelledSample[] = [];
  readonly #template: Template;
  readonly #fill: Fill | undefined;
  readonly #dtypes: readonly string[];
  /** The dtype of shapes and layouts where the operand does not fix one. */
  readonly #usual: string;
  readonly #base: readonly Variant[];

  constructor(
    template: Template,
    fill: Fill | undefined,
    pointwise: NonNullable<CaseSource['pointwise']>,
    base: readonly Variant[],
  ) {
    this.#template = template;
    this.#fill = fill;
    this.#dtypes = pointwise.dtypes;
    this.#usual = pointwise.usual ?? 'float32';
    this.#base = base;
  }

  shapes(): void {
    for (const shape of SHAPES) this.#add(`shape-${shape.join('x') || 'scalar'}`, this.#same({ shape }));
  }

  layouts(): void {
    for (const layout of LAYOUTS) this.#add('layout', this.#same({ layout }));
    if (this.#template.operands.length > 1) {
      const mixed = this.#template.operands.map((one, at) => ({
        ...one,
        ...(at === 0 ? { layout: 'transposed' as const } : {}),
      }));
      this.#add('layout-mixed', mixed);
      this.#add('layout-3d', this.#same({ shape: [2, 3, 5], layout: 'transposed' }));
    }
  }

  dtypes(): void {
    for (const dtype of this.#dtypes) {
      if (dtype === this.#usual) continue;
      this.#add('dtype', this.#same({ dtype }), 'either');
      if (dtype === 'float64') this.#add('dtype-3d', this.#same({ dtype, shape: [2, 3, 5] }), 'either');
    }
  }

  /** Complex numbers all around 0, whatever real numbers the op is tried with. */
  quadrants(): void {
    const operands = this.#same({ dtype: 'complex128', shape: [4, 5] });
    const around = operands.map((one) =>
      one.dtype === 'complex128' ? { ...one, fill: 'normal' as const } : one,
    );
    this.#add('quadrants', around, 'either');
  }

  specials(): void {
    if (this.#usual !== 'float32') return;
    const shape = this.#template.operands.length > 1 ? [19] : [23];
    for (const dtype of ['float32', 'float64']) {
      const operands = this.#same({ shape, dtype, fill: 'special' });
      if (!operands.some((one) => one.fill === 'special')) continue;
      this.#add('special', operands, 'either', { noGrad: SPECIAL_REASON });
    }
    if (this.#template.operands.length !== 2) return;
    // Every special value meets every other one.
    const [left, right] = this.#same({ dtype: 'float32', fill: 'special' }) as [Tensor, Tensor];
    const pairs = [
      { ...left, shape: [19, 1] },
      { ...right, shape: [1, 19] },
    ];
    this.#add('special-pairs', pairs, 'either', { noGrad: SPECIAL_REASON });
  }

  broadcasts(): void {
    for (const [label, first, second] of BROADCASTS) {
      const operands = this.#template.operands.map((one, at) => ({
        ...one,
        shape: at === 0 ? first : second,
      }));
      this.#add(label, operands);
    }
    const wrong = this.#template.operands.map((one, at) => ({ ...one, shape: at === 0 ? [5, 3] : [4] }));
    this.#add('bcast-5x3-4', wrong, 'error', {}, this.#base, 'RuntimeError');
  }

  mixtures(): void {
    const [left, right] = this.#template.operands as readonly [Tensor, Tensor];
    if (left.dtype !== undefined || right.dtype !== undefined) return;
    for (const [first, second] of MIXTURES) {
      this.#add(
        'mix',
        [
          { ...left, dtype: first },
          { ...right, dtype: second },
        ],
        'either',
      );
      this.#add(
        'mix',
        [
          { ...left, dtype: second },
          { ...right, dtype: first },
        ],
        'either',
      );
    }
    // A tensor of no dimensions has less say in the promotion than one with some.
    this.#add(
      'mix-scalar',
      [
        { ...left, dtype: 'int64' },
        { ...right, dtype: 'float64', shape: [] },
      ],
      'either',
    );
    this.#add(
      'mix-scalar',
      [
        { ...left, dtype: 'float32' },
        { ...right, dtype: 'float64', shape: [] },
      ],
      'either',
    );
    this.#add(
      'mix-scalar',
      [
        { ...left, dtype: 'uint8' },
        { ...right, dtype: 'int64', shape: [] },
      ],
      'either',
    );
  }

  scalars(at: number): void {
    for (const scalar of SCALARS) {
      const text = typeof scalar === 'object' ? scalar.special : String(scalar);
      const noGrad = typeof scalar === 'object' ? { noGrad: SPECIAL_REASON } : {};
      for (const dtype of typeof scalar === 'object' ? ['float32'] : ['float32', 'int64', 'bool']) {
        const operands: ArgSpec[] = this.#same({ dtype }).map((tensor) => ({ tensor }));
        operands[at] = scalar;
        this.#push(`scalar-${text}`, operands, 'either', noGrad, this.#base);
      }
    }
  }

  method(): void {
    this.#add('shape-5x3', this.#same({}), 'value', {}, ['method']);
  }

  inplace(): void {
    const only: readonly Variant[] = ['inplace'];
    this.#add('shape-5x3', this.#same({}), 'either', {}, only);
    for (const layout of ['transposed', 'strided', 'offset'] as const)
      this.#add('layout', this.#same({ layout }), 'either', {}, only);
    for (const dtype of ['float64', 'int64', 'bool'])
      if (this.#dtypes.includes(dtype)) this.#add('dtype', this.#same({ dtype }), 'either', {}, only);
    if (this.#template.operands.length < 2) return;
    const shaped = (first: readonly number[], second: readonly number[]) =>
      this.#template.operands.map((one, at) => ({ ...one, shape: at === 0 ? first : second }));
    this.#add('bcast-5x3-3', shaped([5, 3], [3]), 'either', {}, only);
    this.#add('bcast-3-5x3', shaped([3], [5, 3]), 'error', {}, only, 'RuntimeError');
    const cast = this.#template.operands.map((one, at) => ({
      ...one,
      dtype: at === 0 ? 'int32' : (one.dtype ?? 'float32'),
    }));
    this.#add('mix', cast, 'either', {}, only);
  }

  /** All operands changed alike, where they did not fix the property themselves; the op's domain goes for floats. */
  #same(change: Partial<Tensor>): Tensor[] {
    return this.#template.operands.map((one) => {
      const dtype = one.dtype ?? change.dtype;
      const special = change.fill === 'special';
      const fill = special
        ? isFloating(dtype ?? 'float32')
          ? 'special'
          : one.fill
        : (one.fill ?? this.#fill);
      return {
        ...one,
        ...change,
        ...(dtype ? { dtype } : {}),
        ...(fill !== undefined ? { fill } : { fill: undefined }),
      };
    });
  }

  #add(
    label: string,
    operands: readonly Tensor[],
    expect: LabelledSample['expect'] = 'value',
    extra: Pick<Sample, 'noGrad'> = {},
    variants: readonly Variant[] = this.#base,
    error?: string,
  ): void {
    const domain = operands.map((one) => ({
      tensor: clean({ ...one, dtype: one.dtype ?? this.#usual, fill: one.fill ?? this.#fill }),
    }));
    this.#push(label, domain, expect, extra, variants, error);
  }

  #push(
    label: string,
    operands: readonly ArgSpec[],
    expect: LabelledSample['expect'],
    extra: Pick<Sample, 'noGrad'>,
    variants: readonly Variant[],
    error?: string,
  ): void {
    const args = [
      ...operands.map((one) => (isTensorSpec(one) ? { tensor: clean(one.tensor) } : one)),
      ...this.#template.rest,
    ];
    const sample: Sample = { args, kwargs: this.#template.kwargs, ...extra };
    this.made.push({ label, sample, variants, expect, ...(error ? { error } : {}) });
  }
}

/** Leaves out what is undefined, so that the JSON and its comparison are stable. */
function clean(tensor: Tensor): Tensor {
  return Object.fromEntries(
    Object.entries(tensor).filter(([, value]) => value !== undefined),
  ) as unknown as Tensor;
}
