// Random calls of an op: its declared samples, changed in dtypes, sizes, dims, layouts, values and arguments.
//   randomCalls(op, 25, 'add/3@fuzz', generator(7))
import type { ArgSpec, Fill, Layout, Param, Sample, TensorSpec } from 'torchstone';
import { type Case, casesOf, type Variant } from '../common/cases.js';
import type { RegisteredOp } from '../common/registry.js';
import { sizeOf } from '../common/shapes.js';
import { isTensorSpec, mapTensors, takesGradient, tensorsOf } from '../common/tensor-specs.js';

type Random = () => number;
type Description = TensorSpec['tensor'];

const DTYPES = ['float32', 'float64', 'float32', 'float64', 'float16', 'bfloat16', 'complex64', 'complex128'];
const WHOLE = ['int64', 'int32', 'int16', 'int8', 'uint8', 'bool', 'int64'];
const LAYOUTS: readonly Layout[] = ['contiguous', 'transposed', 'strided', 'offset', 'expanded'];
const FILLS: readonly Fill[] = [
  ...(['normal', 'uniform', 'positive', 'unit', 'large', 'special', 'distinct', 'ties'] as const),
  ...(['nonzero', 'zeros', 'ones', 'arange', { low: -3, high: 4 }, { low: 0, high: 3 }] as const),
];
const SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 17, 31];
/** Prime, and beyond the grains and chunks at which kernels take threads. */
const LARGE = [1031, 8209, 40_009];
const MOST_ELEMENTS = 150_000;
const MOST_DIMS = 8;
const NUMBERS: readonly ArgSpec[] = [
  ...[
    0,
    1,
    -1,
    2,
    3,
    -2,
    0.5,
    -0.75,
    1.5,
    10,
    100,
    1e-3,
    1e10,
    -1e300,
    255,
    256,
    2 ** 31,
    -(2 ** 31),
    2 ** 40,
  ],
  ...(['nan', 'inf', '-inf'] as const).map((special) => ({ special })),
];

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

/** So many calls, with ids of their own. */
export function randomCalls(op: RegisteredOp, count: number, id: string, random: Random): Case[] {
  const bases = basesOf(op);
  if (bases.length === 0) return [];
  return Array.from({ length: count }, (_, k) => randomCall(op, pick(random, bases), `${id},${k}`, random));
}

const known = new WeakMap<RegisteredOp, readonly Sample[]>();
/** The calls of the fixtures, those that must fail too. */
function basesOf(op: RegisteredOp): readonly Sample[] {
  let bases = known.get(op);
  if (bases === undefined) {
    bases = casesOf(op);
    known.set(op, bases);
  }
  return bases;
}

function randomCall(op: RegisteredOp, base: Sample, id: string, random: Random): Case {
  let sample: Sample = { ...base, kwargs: base.kwargs ?? {} };
  for (let left = 1 + Math.floor(random() * 4); left > 0; left -= 1) {
    const next = pick(random, CHANGES)(sample, op, random);
    if (tensorsOf(next).every(isSane)) sample = next;
  }
  sample = mapTensors(sample, literalsThatFit);
  const variants = op.variants.filter((one) => one !== 'property') as Variant[];
  const differentiable = op.notDifferentiable === undefined && base.valuesUndefined !== true;
  return {
    ...{ id, op: op.name, torch: op.torch, params: op.params.map((param) => param.name) },
    variant: pick(random, variants.length > 0 ? variants : (['function'] as const)),
    ...{ args: sample.args, kwargs: sample.kwargs ?? {}, mayFail: true },
    checkGrad: differentiable && tensorsOf(sample).some(takesGradient),
    ...(base.valuesUndefined === true ? { valuesUndefined: true } : {}),
  };
}

const isSane = ({ shape }: Description): boolean => shape.length <= 20 && sizeOf(shape) <= MOST_ELEMENTS;

/** A literal fill has its values for one shape only. */
function literalsThatFit(tensor: Description): Description {
  const { fill, shape, dtype = 'float32' } = tensor;
  const complex = dtype.startsWith('complex') ? 2 : 1;
  if (typeof fill === 'object' && 'values' in fill && fill.values.length !== sizeOf(shape) * complex)
    return { ...tensor, fill: 'normal' };
  return fill === 'distinct' && dtype.startsWith('complex') ? { ...tensor, fill: 'normal' } : tensor;
}

type Change = (sample: Sample, op: RegisteredOp, random: Random) => Sample;

/** One tensor, or all of them, described otherwise. */
const tensors =
  (change: (tensor: Description, random: Random) => Description, all = false): Change =>
  (sample, _, random) => {
    const count = tensorsOf(sample).length;
    const which = all && random() < 0.7 ? -1 : Math.floor(random() * count);
    return mapTensors(sample, (tensor, k) => (which < 0 || k === which ? change(tensor, random) : tensor));
  };

const sameDtype: Change = (sample, _, random) => {
  const dtype = pick(random, random() < 0.7 ? DTYPES : WHOLE);
  return mapTensors(sample, (tensor) => ({ ...tensor, dtype }));
};
const oneDtype = tensors((tensor, random) => ({ ...tensor, dtype: pick(random, [...DTYPES, ...WHOLE]) }));
const layout = tensors((tensor, random) => ({ ...tensor, layout: pick(random, LAYOUTS) }), true);
const fill = tensors((tensor, random) => ({ ...tensor, fill: pick(random, FILLS) }), true);
const oneSize = tensors((tensor, random) => {
  const dim = Math.floor(random() * tensor.shape.length);
  return { ...tensor, shape: tensor.shape.map((size, d) => (d === dim ? pick(random, SIZES) : size)) };
});
const lead = tensors((tensor, random) => {
  if (tensor.shape.length >= MOST_DIMS) return tensor;
  return { ...tensor, shape: [pick(random, SIZES), ...tensor.shape] };
}, true);
const unlead = tensors((tensor) => ({ ...tensor, shape: tensor.shape.slice(1) }), true);
const noDims = tensors((tensor) => ({ ...tensor, shape: [] }));
const manyDims = tensors((tensor, random) => {
  const ones = new Array<number>(Math.floor(random() * 16)).fill(1);
  return { ...tensor, shape: [...ones.map((one) => (random() < 0.2 ? 2 : one)), ...tensor.shape] };
}, true);

/** A size changes wherever it stands, for shapes depend on each other. */
const everywhere: Change = (sample, _, random) => {
  const sizes = [...new Set(tensorsOf(sample).flatMap((tensor) => tensor.shape))];
  if (sizes.length === 0) return sample;
  const old = pick(random, sizes);
  const size = random() < 0.08 ? pick(random, LARGE) : pick(random, SIZES);
  const number = (arg: ArgSpec): ArgSpec => {
    if (Array.isArray(arg)) return (arg as readonly ArgSpec[]).map(number);
    return arg === old && old > 2 ? size : arg;
  };
  const changed = mapTensors(sample, (tensor) => ({
    ...tensor,
    shape: tensor.shape.map((each) => (each === old ? size : each)),
  }));
  return { ...changed, args: changed.args.map(number) };
};

/** Another value for an argument that is no tensor, by its declared kind. */
const argument: Change = (sample, { params }, random) => {
  const open = params.filter(
    (param) => !['tensor', 'tensors', 'tensorOrTensors', 'generator', 'device'].includes(param.kind),
  );
  if (open.length === 0) return sample;
  const param = pick(random, open);
  const plain = params.filter((one) => !one.keyword);
  const at = plain.indexOf(param);
  const now = at >= 0 && at < sample.args.length ? sample.args[at]! : sample.kwargs?.[param.name];
  if (now !== undefined && isTensorSpec(now)) return sample;
  const value = valueFor(param, now, random);
  // A count of so many would only make work or memory; where a place is meant, it is out of range.
  const huge = value === 2 ** 31 && !/dim|diagonal|offset|index|axis/.test(param.name);
  if (value === undefined || huge) return sample;
  if (at >= 0 && at < sample.args.length) return { ...sample, args: sample.args.with(at, value) };
  return { ...sample, kwargs: { ...sample.kwargs, [param.name]: value } };
};

function valueFor(param: Param, now: ArgSpec | undefined, random: Random): ArgSpec | undefined {
  if (random() < 0.04) return null;
  switch (param.kind) {
    case 'bool':
      return random() < 0.5;
    case 'int':
      return pick(random, [0, 1, 2, 3, -1, -2, -3, 4, 5, 7, -9, 2 ** 31]);
    case 'ints':
    case 'size': {
      if (random() < 0.3 && param.kind === 'ints') return pick(random, [0, 1, -1, 2]);
      const length = Array.isArray(now) ? now.length : Math.floor(random() * 4);
      return Array.from({ length }, () => pick(random, [0, 1, 2, 3, -1, -2, 1, 2]));
    }
    case 'scalar':
    case 'tensorOrScalar':
      return random() < 0.1 ? random() < 0.5 : pick(random, NUMBERS);
    case 'dtype':
      return { dtype: pick(random, [...DTYPES, ...WHOLE]) };
    case 'string':
      if (random() < 0.1) return 'nonsense';
      return param.choices === undefined ? undefined : pick(random, param.choices.values);
    // What an argument of any kind may be, only its samples say; and what stands for tensors stays.
    case 'any':
    case 'tensor':
    case 'tensors':
    case 'tensorOrTensors':
    case 'device':
    case 'generator':
      return undefined;
  }
}

const fewer: Change = (sample, _, random) => {
  const names = Object.keys(sample.kwargs ?? {});
  if (names.length === 0) return sample;
  const gone = pick(random, names);
  return {
    ...sample,
    kwargs: Object.fromEntries(Object.entries(sample.kwargs!).filter(([name]) => name !== gone)),
  };
};

const CHANGES: readonly Change[] = [
  ...[sameDtype, sameDtype, oneDtype, layout, layout, fill, fill, fill],
  ...[oneSize, lead, unlead, noDims, manyDims, everywhere, everywhere],
  ...[argument, argument, argument, fewer],
];
