// Owns what is told of one replayed case beyond its verdict: the call, its inputs, every comparison with its worst elements,
// a truth in float64, and a map of where the errors sit. Text only; it decides nothing.
import { ops } from '../../engine/index.js';
import { arrayOf, type EngineTensor, flattenResult, inputTensor, positional } from '../bind.js';
import type { ArrayValue } from '../compare.js';
import type { FixtureCase } from '../manifest.js';
import type { ArraySource, Observed, ReplayOutcome } from '../replay.js';

const MOST_VALUES = 12;
const MAP_COLUMNS = 64;
const MAP_ROWS = 24;

/** The whole account of a replay. */
export function account(
  recorded: FixtureCase,
  source: ArraySource,
  outcome: ReplayOutcome,
  observed: readonly Observed[],
): string {
  const held = outcome.problems.length === 0;
  const blocks = [
    `${recorded.id}: ${held ? 'holds' : 'falls short'} (${outcome.compared} elements compared)`,
    callText(recorded),
    ...recorded.inputs.map((input, k) => {
      const base = source.array(recorded.op, `${recorded.id}/in${k}`);
      const layout = `strides [${input.strides}], offset ${input.offset}`;
      return `  in${k}: ${input.dtype} [${input.shape}], ${layout}, storage ${values(base.data)}`;
    }),
    recorded.error ? `PyTorch raises ${recorded.error.class}: ${recorded.error.message.split('\n')[0]}` : '',
    ...observed.map((one) => comparisonText(recorded, source, one)),
    ...(held
      ? []
      : ['What fell short', ...outcome.problems.map((text) => `  ${text.replaceAll('\n', '\n  ')}`)]),
  ];
  return `${blocks.filter((text) => text !== '').join('\n')}\n`;
}

function callText({ torch, variant, args, kwargs }: FixtureCase): string {
  let next = 0;
  const text = (arg: unknown): string => {
    if (Array.isArray(arg)) return `[${arg.map(text).join(', ')}]`;
    if (typeof arg === 'object' && arg !== null && 'tensor' in arg) return `in${next++}`;
    if (typeof arg === 'object' && arg !== null && 'dtype' in arg) return `torch.${String(arg.dtype)}`;
    return JSON.stringify(arg);
  };
  const all = [...args.map(text), ...Object.entries(kwargs).map(([name, arg]) => `${name}=${text(arg)}`)];
  return `  ${torch}(${all.join(', ')})${variant === 'function' ? '' : `, as ${variant}`}`;
}

function comparisonText(
  recorded: FixtureCase,
  source: ArraySource,
  { what, got, want, comparison }: Observed,
): string {
  const apart = [
    comparison.bothNaN > 0 ? `${comparison.bothNaN} NaN in both` : '',
    comparison.nan > 0 ? `${comparison.nan} NaN in one` : '',
    comparison.infinity > 0 ? `${comparison.infinity} infinite in one` : '',
    comparison.signedZero > 0 ? `${comparison.signedZero} zeros of the other sign` : '',
  ].filter((text) => text !== '');
  const head = `${what}: ${comparison.mismatched} of ${want.data.length} outside ${comparison.tolerance}, worst ${comparison.greatestUlp} ULP${apart.length > 0 ? ` (${apart.join(', ')})` : ''}`;
  if (comparison.ok) return head;
  const truth = /^out\d+$/.test(what) ? truthOf(recorded, source, Number(what.slice(3))) : undefined;
  const elements = [comparison.worst?.ulp, comparison.worst?.abs, comparison.first].flatMap((one) =>
    one ? [one] : [],
  );
  const shown = [...new Map(elements.map((one) => [String(one.index), one])).values()].map((one) => {
    const exact =
      truth === undefined ? '' : `, in float64 ${Number(truth.data[flat(one.index, want.shape)])}`;
    return `  [${one.index}] got ${one.got}, want ${one.want}${exact}`;
  });
  return [head, ...shown, ...errorMap(got, want)].join('\n');
}

/** The same call in float64: which of two float32 answers is nearer to what the arithmetic means. */
function truthOf(recorded: FixtureCase, source: ArraySource, k: number): ArrayValue | undefined {
  const op = ops.get(recorded.op);
  if (op === undefined || !recorded.inputs.some((input) => input.dtype === 'float32')) return undefined;
  try {
    const tensors = recorded.inputs.map((input, i) => {
      const tensor = inputTensor(source.array(recorded.op, `${recorded.id}/in${i}`), input);
      return input.dtype === 'float32' ? tensor.to('float64') : tensor;
    });
    const bound = positional(op.params, recorded.args, recorded.kwargs, tensors);
    return arrayOf(flattenResult(op.impl(...bound))[k] as EngineTensor);
  } catch {
    return undefined; // The call takes float32 only.
  }
}

/** Where the elements differ: one sign an element, rows of the last dim. */
function errorMap(got: ArrayValue, want: ArrayValue): string[] {
  const columns = want.shape.at(-1) ?? 1;
  const rows = want.data.length / Math.max(columns, 1);
  if (
    want.data.length < 2 ||
    columns > MAP_COLUMNS ||
    rows > MAP_ROWS ||
    got.data.length !== want.data.length
  )
    return [];
  const sign = (i: number) =>
    Object.is(got.data[i], want.data[i]) || Number(got.data[i]) === Number(want.data[i]) ? '·' : '×';
  return Array.from(
    { length: rows },
    (_, r) => `  ${Array.from({ length: columns }, (_, c) => sign(r * columns + c)).join('')}`,
  );
}

function flat(index: readonly number[], shape: readonly number[]): number {
  return index.reduce((at, i, dim) => at * shape[dim]! + i, 0);
}

function values(data: ArrayLike<number | bigint>): string {
  const first = Array.from({ length: Math.min(MOST_VALUES, data.length) }, (_, i) => String(data[i]));
  return `[${first.join(', ')}${data.length > MOST_VALUES ? `, … ${data.length}` : ''}]`;
}
