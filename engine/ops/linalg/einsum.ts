// einsum: the equation, and pairwise contraction by batched matrix products.
import { ArgumentError, describe, message, RuntimeError, showShape } from '../../core/errors.js';
import { Tensor } from '../../core/tensor.js';
import { defineOp } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { diagonalOf } from '../views/geometry.js';

const fail = (required: string, got: string, hint: string): RuntimeError =>
  new RuntimeError(message('einsum', required, got, `einsum(): ${hint}`));

/** An operand with a label for each of its dims. */
interface Labelled {
  readonly x: Tensor;
  readonly labels: readonly string[];
}

/** `ij...` as labels; `null` stands for the ellipsis. */
function readLabels(text: string): (string | null)[] {
  const out: (string | null)[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === ' ') continue;
    if (text.startsWith('...', i)) {
      if (out.includes(null)) throw fail('one ellipsis', text, 'found more than one ellipsis in a subscript');
      out.push(null);
      i += 2;
    } else if (/[a-zA-Z]/.test(c)) out.push(c);
    else
      throw fail(
        'subscripts in [a-zA-Z]',
        text,
        `invalid subscript given: ${c}, subscripts must be in [a-zA-Z]`,
      );
  }
  return out;
}

/** The labels of a sublist `[0, 1, '...']`. */
function listLabels(list: unknown): (string | null)[] {
  if (!Array.isArray(list))
    throw new ArgumentError(message('einsum', 'a list of labels after each operand', describe(list)));
  return list.map((one) => (one === '...' || one === null ? null : `#${String(one)}`));
}

interface Equation {
  readonly inputs: readonly (string | null)[][];
  readonly output: (string | null)[] | null;
  readonly operands: readonly Tensor[];
}

function readEquation(first: unknown, rest: readonly unknown[]): Equation {
  if (typeof first === 'string') {
    const operands = (rest.length === 1 && Array.isArray(rest[0]) ? rest[0] : rest) as Tensor[];
    const [left, right, more] = first.split('->');
    if (more !== undefined) throw fail('one arrow', first, 'expected at most one arrow');
    return {
      inputs: left!.split(',').map(readLabels),
      output: right === undefined ? null : readLabels(right),
      operands,
    };
  }
  const items = [first, ...rest];
  const pairs = items.length >> 1;
  return {
    inputs: Array.from({ length: pairs }, (_, i) => listLabels(items[2 * i + 1])),
    output: items.length % 2 === 1 ? listLabels(items.at(-1)) : null,
    operands: Array.from({ length: pairs }, (_, i) => items[2 * i] as Tensor),
  };
}

/** The labels that the ellipsis of an operand stands for: `...0` is its last dim. */
function dotted(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `...${count - 1 - i}`);
}

/** A repeated label takes the diagonal. The label's dim comes last. */
function withoutRepeats(operand: Labelled): Labelled {
  let { x, labels } = operand;
  for (;;) {
    const second = labels.findIndex((label, i) => labels.indexOf(label) !== i);
    if (second < 0) return { x, labels };
    const label = labels[second]!;
    const first = labels.indexOf(label);
    if (x.sizes[first] !== x.sizes[second]) {
      throw fail(
        'repeated subscripts of one size',
        showShape(x.sizes),
        `subscript ${label} is repeated for operand but the sizes don't match, ${x.sizes[second]} != ${x.sizes[first]}`,
      );
    }
    x = diagonalOf(x, 0, first, second);
    labels = [...labels.filter((_, i) => i !== first && i !== second), label];
  }
}

function labelled(x: unknown, subscripts: readonly (string | null)[], at: number): Labelled {
  if (!(x instanceof Tensor)) throw new ArgumentError(message('einsum', 'tensors', describe(x)));
  const named = subscripts.filter((s) => s !== null).length;
  const dots = x.ndim - named;
  if (dots < 0 || (dots > 0 && !subscripts.includes(null))) {
    throw fail(
      `${named} dims`,
      showShape(x.sizes),
      `the number of subscripts in the equation (${named}) ${dots < 0 ? 'is more than the number of dimensions' : 'does not match the number of dimensions'} (${x.ndim}) for operand ${at}${dots < 0 ? '' : ' and no ellipsis was given'}`,
    );
  }
  const labels = subscripts.flatMap((s) => (s === null ? dotted(dots) : [s]));
  return withoutRepeats({ x, labels });
}

/** Without an arrow: the ellipsis, then what stands once, in alphabetical order. */
function impliedOutput(inputs: readonly (string | null)[][], dots: readonly string[]): string[] {
  const all = inputs.flat().filter((s): s is string => s !== null);
  const order = (s: string): number => (s.startsWith('#') ? Number(s.slice(1)) : s.charCodeAt(0));
  const once = all.filter((s) => all.indexOf(s) === all.lastIndexOf(s)).sort((a, b) => order(a) - order(b));
  return [...dots, ...once];
}

/** The size of every label; sizes of 1 broadcast. @throws RuntimeError where sizes disagree. */
function sizesOf(operands: readonly Labelled[]): Map<string, number> {
  const sizes = new Map<string, number>();
  operands.forEach(({ x, labels }, at) => {
    labels.forEach((label, d) => {
      const known = sizes.get(label) ?? 1;
      const size = x.sizes[d]!;
      if (known !== 1 && size !== 1 && known !== size) {
        throw fail(
          'operands that broadcast',
          showShape(x.sizes),
          `operands do not broadcast with remapped shapes [original->remapped]: subscript ${label} has size ${size} for operand ${at} which does not broadcast with previously seen size ${known}`,
        );
      }
      if (known === 1) sizes.set(label, size);
    });
  });
  return sizes;
}

/** Sums over the labels that `keep` refuses, and drops dims of size 1 that are wider elsewhere. */
function reduced(
  o: Labelled,
  sizes: ReadonlyMap<string, number>,
  keep: (label: string) => boolean,
): Labelled {
  const narrow = o.labels.map((label, d) => o.x.sizes[d] === 1 && sizes.get(label) !== 1);
  const dropped = o.labels.map((label, d) => narrow[d] === true || !keep(label));
  const summed = o.labels.flatMap((_, d) => (dropped[d] === true && narrow[d] !== true ? [d] : []));
  const squeezed = o.labels.flatMap((_, d) => (narrow[d] === true ? [d] : []));
  let { x } = o;
  if (summed.length > 0) x = x.sum(summed, true, { dtype: x.dtype });
  const gone = [...summed, ...squeezed];
  if (gone.length > 0) x = x.squeeze(gone);
  return { x, labels: o.labels.filter((_, d) => dropped[d] !== true) };
}

/** The product of two operands, summed over the labels that nobody needs any more. */
function pair(
  a: Labelled,
  b: Labelled,
  sizes: ReadonlyMap<string, number>,
  keep: (label: string) => boolean,
): Labelled {
  const p = reduced(a, sizes, (label) => keep(label) || b.labels.includes(label));
  const q = reduced(b, sizes, (label) => keep(label) || a.labels.includes(label));
  const shared = p.labels.filter((label) => q.labels.includes(label));
  const batch = shared.filter(keep);
  const inner = shared.filter((label) => !keep(label));
  const mine = p.labels.filter((label) => !shared.includes(label) && keep(label));
  const theirs = q.labels.filter((label) => !shared.includes(label) && keep(label));
  const size = (labels: readonly string[]): number => labels.reduce((n, label) => n * sizes.get(label)!, 1);
  const arranged = (o: Labelled, groups: readonly (readonly string[])[]): Tensor => {
    const wanted = groups.flat();
    const rest = o.labels.flatMap((label, d) => (wanted.includes(label) ? [] : [d]));
    const x = rest.length === 0 ? o.x : o.x.sum(rest, true, { dtype: o.x.dtype }).squeeze(rest);
    const labels = o.labels.filter((label) => wanted.includes(label));
    return x.permute(wanted.map((label) => labels.indexOf(label))).reshape(groups.map(size));
  };
  const left = arranged(p, [batch, mine, inner]);
  const right = arranged(q, [batch, inner, theirs]);
  const labels = [...batch, ...mine, ...theirs];
  return { x: left.bmm(right).reshape(labels.map((label) => sizes.get(label)!)), labels };
}

/** The dims in the order of the output, those that no operand has as dims of size 1. */
function arrangedOutput(o: Labelled, output: readonly string[]): Tensor {
  const there = output.filter((label) => o.labels.includes(label));
  let x = o.x.permute(there.map((label) => o.labels.indexOf(label)));
  output.forEach((label, d) => {
    if (!o.labels.includes(label)) x = x.unsqueeze(d);
  });
  return x;
}

function checkOutput(output: readonly string[], sizes: ReadonlyMap<string, number>): void {
  output.forEach((label, i) => {
    if (output.indexOf(label) !== i)
      throw fail(
        'output subscripts once',
        label,
        `output subscript ${label} appears more than once in the output`,
      );
    if (!sizes.has(label))
      throw fail(
        'output subscripts of the operands',
        label,
        `output subscript ${label} does not appear in the equation for any input operand`,
      );
  });
}

function contract(first: unknown, rest: readonly unknown[]): Tensor {
  const { inputs, output: given, operands } = readEquation(first, rest);
  if (operands.length === 0) throw fail('at least one operand', 'none', 'must provide at least one operand');
  if (inputs.length !== operands.length) {
    throw fail(
      `${inputs.length} operands`,
      String(operands.length),
      `${inputs.length > operands.length ? 'fewer' : 'more'} operands were provided than specified in the equation`,
    );
  }
  const list = operands.map((x, i) => labelled(x, inputs[i]!, i));
  const sizes = sizesOf(list);
  const dots = dotted(
    Math.max(0, ...[...sizes.keys()].filter((s) => s.startsWith('...')).map((s) => Number(s.slice(3)) + 1)),
  );
  const output =
    given === null ? impliedOutput(inputs, dots) : given.flatMap((s) => (s === null ? dots : [s]));
  checkOutput(output, sizes);
  let at = list[0]!;
  for (let i = 1; i < list.length; i++) {
    const later = new Set([...output, ...list.slice(i + 1).flatMap((o) => o.labels)]);
    at = pair(at, list[i]!, sizes, (label) => later.has(label));
  }
  return arrangedOutput(
    reduced(at, sizes, (label) => output.includes(label)),
    output,
  );
}

export const einsum = defineOp({
  name: 'einsum',
  numpy: 'numpy.einsum',
  doc: 'Sums of products by Einstein’s convention: `ij,jk->ik`, with `...`, repeated and implicit subscripts; or operands with lists of labels.',
  params: [
    { name: 'equation', kind: 'any', type: 'string | Tensor' },
    { name: 'operands', kind: 'any', type: 'readonly (Tensor | readonly number[])[]', variadic: true },
  ],
  variants: ['function'],
  compose: (equation: unknown, operands: unknown): Tensor =>
    contract(equation, Array.isArray(operands) ? operands : [operands]),
  tests: () => ({
    samples: [
      call(['ij,jk->ik', t([3, 5]), t([5, 2])]),
      call(['...ii->...i', t([2, 3, 3])]),
      call(['bi,bij,bj', t([4, 2]), t([4, 2, 3]), t([4, 3])]),
      call(['i,j', t([2], { dtype: 'float64' }), t([3], { dtype: 'float64' })]),
    ],
    errors: [
      { args: ['ij->i', t([3])], throws: 'RuntimeError' },
      { args: ['i,i->i', t([3]), t([4])], throws: 'RuntimeError' },
    ],
  }),
});
