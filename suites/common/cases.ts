// Cases from op declarations: explicit samples, and for pointwise ops a set derived from their parameters.
// suites/reference/make_fixtures.py executes them.
import { pathToFileURL } from 'node:url';
import type { ArgSpec, Fill, Layout, Param, Sample, TensorSpec } from 'torchstone';
import { pointwiseSamples } from './pointwise-cases.js';
import { isFloating, isTensorSpec, mapTensors, takesGradient, tensorsOf } from './tensor-specs.js';

/** How a case calls the op: as a function, as a method of its first argument, or as that method's in-place form. */
export type Variant = 'function' | 'method' | 'inplace';

/** A call that must fail, with the name of the exception that PyTorch raises. */
export interface ErrorSample extends Sample {
  readonly error: string;
}

/** What the expansion needs of an op's declaration. */
export interface CaseSource {
  readonly name: string;
  readonly torch: string;
  readonly numpy?: string;
  readonly params: readonly Param[];
  readonly variants: readonly string[];
  readonly samples: readonly Sample[];
  readonly errors: readonly ErrorSample[];
  readonly notDifferentiable?: string;
  /** Present for pointwise ops only: what turns on the derived set. */
  readonly pointwise?: {
    readonly fill?: Fill;
    /** Worth trying: the op may refuse some. */
    readonly dtypes: readonly string[];
    /** The dtype of most cases; default float32. */
    readonly usual?: string;
  };
}

/** One call, for Python to record and for `validate` to replay. The reference writer takes a JSON list of these. */
export interface Case {
  readonly id: string;
  readonly op: string;
  readonly torch: string;
  /** NumPy's function, where a second opinion makes sense for this call. */
  readonly numpy?: string;
  /** PyTorch's parameter names, in its order. */
  readonly params: readonly string[];
  readonly variant: Variant;
  readonly args: readonly ArgSpec[];
  readonly kwargs: Readonly<Record<string, ArgSpec>>;
  /** Gradients are recorded and compared for the floating tensors with `grad` not false. */
  readonly checkGrad: boolean;
  /** Why they are not, where the op has one. */
  readonly noGrad?: string;
  readonly valuesUndefined?: boolean;
  /** The call must fail, with this exception of PyTorch's. */
  readonly error?: string;
  /** PyTorch decides: where it refuses (a dtype, a mixture), its refusal is the case. */
  readonly mayFail?: boolean;
}

/** `value` must succeed in PyTorch (else the writer refuses it), `error` must fail there, `either` records what happens. */
export type Expectation = 'value' | 'error' | 'either';

/** A sample with the label that goes into the id, before variants. */
export interface LabelledSample {
  readonly label: string;
  readonly sample: Sample;
  readonly variants: readonly Variant[];
  readonly expect: Expectation;
  /** With `error`: the class that PyTorch is declared to raise. */
  readonly error?: string;
}

const DTYPE_TWINS = ['float64', 'int64', 'int32', 'uint8', 'bool'];

/** All cases of one op, ids unique and stable. */
export function casesOf(op: CaseSource): Case[] {
  const labelled = [...explicitSamples(op), ...pointwiseSamples(op), ...errorSamples(op)];
  const cases: Case[] = [];
  const seen = new Set<string>();
  for (const one of labelled) {
    for (const variant of one.variants) {
      const made = makeCase(op, one, variant);
      if (seen.has(made.id)) continue;
      seen.add(made.id);
      cases.push(made);
    }
  }
  return cases;
}

/** The cases of a whole registry. */
export function allCases(ops: Iterable<CaseSource>): Case[] {
  return [...ops].flatMap(casesOf);
}

/** A test of ids by a substring, or by a glob where the filter has a star or question mark. */
export function idMatcher(filter: string | undefined): (id: string) => boolean {
  if (filter === undefined || filter === '') return () => true;
  if (!/[*?]/.test(filter)) return (id) => id.includes(filter);
  const escaped = filter
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  const pattern = new RegExp(`^${escaped}$`);
  return (id) => pattern.test(id);
}

/** What is missing: ops without a case, differentiable ops without a case whose gradient is compared, or that says why not. */
export function coverageProblems(ops: Iterable<CaseSource>): string[] {
  const problems: string[] = [];
  for (const op of ops) {
    const cases = casesOf(op).filter((one) => one.error === undefined);
    if (cases.length === 0) {
      problems.push(`${op.name}: has no case; declare samples`);
    } else if (op.notDifferentiable === undefined && !cases.some((one) => one.checkGrad || one.noGrad)) {
      problems.push(
        `${op.name}: differentiable, but none of its cases has a gradient; say notDifferentiable or add a sample`,
      );
    }
    if (op.notDifferentiable !== undefined && op.notDifferentiable.trim().length < 8)
      problems.push(`${op.name}: notDifferentiable needs a reason`);
  }
  return problems;
}

function makeCase(op: CaseSource, one: LabelledSample, variant: Variant): Case {
  const { sample } = one;
  const tensors = tensorsOf(sample);
  const dtypes = [...new Set(tensors.map((tensor) => tensor.dtype ?? 'float32'))];
  const layout = tensors.map((tensor) => tensor.layout ?? 'contiguous').find((name) => name !== 'contiguous');
  const suffix = variant === 'function' ? '' : `,${variant}`;
  const id = `${op.name}/${one.label}@${dtypes.join('+') || 'none'},${layout ?? 'contiguous'}${suffix}`;
  const differentiable = op.notDifferentiable === undefined && one.expect !== 'error';
  return {
    id,
    op: op.name,
    torch: op.torch,
    ...(op.numpy !== undefined && variant === 'function' && comparable(one) ? { numpy: op.numpy } : {}),
    params: op.params.map((param) => param.name),
    variant,
    args: sample.args,
    kwargs: sample.kwargs ?? {},
    checkGrad: differentiable && sample.noGrad === undefined && tensors.some(takesGradient),
    ...(sample.noGrad !== undefined ? { noGrad: sample.noGrad } : {}),
    ...(sample.valuesUndefined ? { valuesUndefined: true } : {}),
    ...(one.error !== undefined ? { error: one.error } : {}),
    ...(one.expect === 'either' ? { mayFail: true } : {}),
  };
}

/** Whether NumPy means the same by this call: it promotes by other rules, and has its own ideas of special values. */
function comparable(one: LabelledSample): boolean {
  if (one.expect === 'error' || one.sample.valuesUndefined) return false;
  const dtypes = new Set(tensorsOf(one.sample).map((tensor) => tensor.dtype ?? 'float32'));
  return dtypes.size === 1 && [...dtypes].every(isFloating) && one.sample.noGrad === undefined;
}

/** Which variants a declared sample is called through: all of the op's for the first, the function alone for the rest. */
function variantsFor(op: CaseSource, index: number, sample: Sample): Variant[] {
  const called = op.variants.includes('function') || op.variants.includes('property');
  const all: Variant[] = called ? ['function'] : [];
  const first = sample.args[0];
  const onTensor = first !== undefined && isTensorSpec(first);
  if (!onTensor) return all;
  if (op.variants.includes('method') && (index === 0 || all.length === 0)) all.push('method');
  if (op.variants.includes('inplace') && (index < 2 || all.length === 0)) all.push('inplace');
  return all;
}

function explicitSamples(op: CaseSource): LabelledSample[] {
  const found: LabelledSample[] = [];
  op.samples.forEach((sample, index) => {
    const label = String(index);
    const variants = variantsFor(op, index, sample);
    const inplace = variants.filter((one) => one === 'inplace');
    // A result that the tensor's own dtype or shape cannot hold is refused in place: PyTorch decides.
    found.push({ label, sample, variants: variants.filter((one) => one !== 'inplace'), expect: 'value' });
    found.push({ label, sample, variants: inplace, expect: 'either' });
    if (sample.valuesUndefined) return;
    for (const layout of ['transposed', 'strided', 'offset'] as const) {
      const moved = index < 3 ? withLayout(sample, layout) : undefined;
      if (moved) found.push({ label, sample: moved, variants: variants.slice(0, 1), expect: 'value' });
    }
    for (const dtype of index < 2 ? DTYPE_TWINS : []) {
      const twin = withDtype(sample, dtype);
      // An op may not take every dtype: PyTorch decides, and its refusal is a case of its own.
      const expect = dtype === 'float64' ? 'value' : 'either';
      if (twin) found.push({ label, sample: twin, variants: variants.slice(0, 1), expect });
    }
  });
  return found;
}

function errorSamples(op: CaseSource): LabelledSample[] {
  return op.errors.map((sample, index) => ({
    label: `error-${index}`,
    sample,
    variants:
      op.variants.includes('function') || op.variants.includes('property') ? ['function'] : ['method'],
    expect: 'error' as const,
    error: sample.error,
  }));
}

/** The sample with its contiguous tensors laid out otherwise; undefined when none can be or when it says its own layouts. */
function withLayout(sample: Sample, layout: Layout): Sample | undefined {
  const tensors = tensorsOf(sample);
  if (tensors.some((tensor) => tensor.layout !== undefined)) return undefined;
  const least = layout === 'transposed' ? 2 : 1;
  if (!tensors.some((tensor) => tensor.shape.length >= least)) return undefined;
  return mapTensors(sample, (tensor) => (tensor.shape.length >= least ? { ...tensor, layout } : tensor));
}

/** The sample with its float32 tensors in another dtype; undefined when it has none, or their values do not fit it. */
function withDtype(sample: Sample, dtype: string): Sample | undefined {
  const moving = tensorsOf(sample).filter(isDefaultDtype);
  if (moving.length === 0 || !moving.every((tensor) => fits(tensor.fill, dtype))) return undefined;
  return mapTensors(sample, (tensor) => (isDefaultDtype(tensor) ? { ...tensor, dtype } : tensor));
}

function isDefaultDtype(tensor: TensorSpec['tensor']): boolean {
  return (tensor.dtype ?? 'float32') === 'float32';
}

/** Whether a dtype can hold what is drawn: nan and fractions are for floats. */
function fits(fill: Fill | undefined, dtype: string): boolean {
  if (isFloating(dtype) || fill === undefined) return true;
  if (typeof fill === 'string') return fill !== 'special';
  return !('values' in fill) || fill.values.every((one) => Number.isInteger(one) || typeof one === 'boolean');
}

/** `npx tsx suites/common/cases.ts --json OUT`: writes all cases of the registry, refusing when an op is not covered. */
async function main(argv: readonly string[]): Promise<void> {
  const at = argv.indexOf('--json');
  const path = at < 0 ? undefined : argv[at + 1];
  if (path === undefined) throw new Error('usage: cases.ts --json FILE [--ops NAME,NAME]');
  const { registeredOps } = await import('./registry.js');
  const named = argv.indexOf('--ops') < 0 ? undefined : argv[argv.indexOf('--ops') + 1]?.split(',');
  const ops = registeredOps().filter((op) => named === undefined || named.includes(op.name));
  const problems = coverageProblems(ops);
  for (const problem of problems) console.error(`not covered: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
  const cases = allCases(ops);
  const { writeFileSync } = await import('node:fs');
  writeFileSync(path, `${JSON.stringify(cases)}\n`);
  console.error(`${cases.length} cases of ${ops.length} ops written to ${path}`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  await main(process.argv.slice(2));
