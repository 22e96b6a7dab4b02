// Text of one replayed case: the call, its inputs, every comparison with its worst elements beside float64, and a map
// of where the errors are.

import type { FixtureCase } from '../common/manifest.js';
import { sizeOf } from '../common/shapes.js';
import type { ArraySource, Observed, ReplayOutcome } from '../validate/replay.js';
import type { Truth } from './truth.js';

const MOST_VALUES = 12;
const MAP_COLUMNS = 64;
const MAP_ROWS = 24;

/** The whole account of a replay. */
export function account(
  recorded: FixtureCase,
  source: ArraySource,
  outcome: ReplayOutcome,
  observed: readonly Observed[],
  truth?: Truth,
): string {
  const held = outcome.problems.length === 0;
  const blocks = [
    `${recorded.id}: ${held ? 'holds' : 'fails'} (${outcome.compared} elements compared)`,
    callText(recorded),
    ...recorded.inputs.map((input, k) => {
      const base = source.array(recorded.op, `${recorded.id}/in${k}`);
      const layout = `strides [${input.strides}], offset ${input.offset}`;
      return `  in${k}: ${input.dtype} [${input.shape}], ${layout}, storage ${values(base.data)}`;
    }),
    recorded.error ? `PyTorch raises ${recorded.error.class}: ${recorded.error.message.split('\n')[0]}` : '',
    ...observed.map((one) => comparisonText(one, truth)),
    ...(held ? [] : ['Failures', ...outcome.problems.map((text) => `  ${text.replaceAll('\n', '\n  ')}`)]),
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

function comparisonText(one: Observed, truth: Truth | undefined): string {
  const { what, want, comparison } = one;
  const apart = [
    comparison.bothNaN > 0 ? `${comparison.bothNaN} NaN in both` : '',
    comparison.nan > 0 ? `${comparison.nan} NaN in one` : '',
    comparison.infinity > 0 ? `${comparison.infinity} infinite in one` : '',
    comparison.signedZero > 0 ? `${comparison.signedZero} zeros of the other sign` : '',
  ].filter((text) => text !== '');
  const head = `${what}: ${comparison.mismatched} of ${want.data.length} outside ${comparison.tolerance}, worst ${comparison.greatestUlp} ULP${apart.length > 0 ? ` (${apart.join(', ')})` : ''}`;
  if (comparison.ok) return head;
  const exact = /^out\d+$/.test(what) ? truth?.outputs[Number(what.slice(3))] : undefined;
  const elements = [comparison.worst?.ulp, comparison.worst?.abs, comparison.first].flatMap((one) =>
    one ? [one] : [],
  );
  const shown = [...new Map(elements.map((one) => [String(one.index), one])).values()].map((element) => {
    const at = exact?.data[flat(element.index, exact.shape)];
    const told = at === undefined ? '' : `, ${truth!.by} in float64 ${Number(at)}`;
    return `  [${element.index}] got ${element.got}, want ${element.want}${told}`;
  });
  return [head, ...shown, ...errorMap(one)].join('\n');
}

/** Where the elements differ: a sign an element, rows of the last dim; of a large array, a sign a block, × where any of it differs. */
function errorMap({ want, comparison }: Observed): string[] {
  const parts = want.data.length / Math.max(1, sizeOf(want.shape));
  const columns = (want.shape.at(-1) ?? 1) * parts;
  const rows = want.data.length / Math.max(columns, 1);
  if (want.data.length < 2 || comparison.wrong.length === 0) return [];
  const [high, wide] = [Math.ceil(rows / MAP_ROWS), Math.ceil(columns / MAP_COLUMNS)];
  const blocks = (size: number, block: number) => Math.ceil(size / block);
  const map = Array.from({ length: blocks(rows, high) }, () =>
    new Array<string>(blocks(columns, wide)).fill('·'),
  );
  for (const i of comparison.wrong)
    map[Math.floor(Math.floor(i / columns) / high)]![Math.floor((i % columns) / wide)] = '×';
  const scale = high * wide > 1 ? [`  (one sign for ${high} × ${wide} elements)`] : [];
  return [...scale, ...map.map((row) => `  ${row.join('')}`)];
}

function flat(index: readonly number[], shape: readonly number[]): number {
  return index.reduce((at, i, dim) => at * shape[dim]! + i, 0);
}

function values(data: ArrayLike<number | bigint>): string {
  const first = Array.from({ length: Math.min(MOST_VALUES, data.length) }, (_, i) => String(data[i]));
  return `[${first.join(', ')}${data.length > MOST_VALUES ? `, … ${data.length}` : ''}]`;
}
