// Mutants of the backward pass: corrupted gradients of autograd nodes, missing sums over broadcast dims, other
// subgradient conventions.
import * as engine from 'torchstone';
import { FunctionNode, type Gradients, Node, support } from 'torchstone/internals';
import type { EngineTensor } from '../common/bind.js';
import { beforeReduce } from './command.js';
import { all, type Mutant, replaced, type Undo } from './mutant.js';
import { rewriting, uses, withOpcodes } from './programs.js';

const families = ['backward'] as const;

/** The prototypes of the nodes whose `apply` computes gradients. */
function nodeKinds(): Node[] {
  const recorded = engine.ones([1], { requiresGrad: true }).mul(2).gradFn;
  if (!(recorded instanceof Node)) throw new TypeError('mul records no node');
  return [FunctionNode.prototype, Object.getPrototypeOf(recorded) as Node];
}

/** Changes what nodes return, or what they are given. */
function onBackward(
  change: (found: Gradients, node: Node) => Gradients,
  given: (grads: Gradients) => Gradients = (grads) => grads,
): Undo {
  return all(
    ...nodeKinds().map((kind) =>
      replaced(
        kind,
        'apply',
        (right) =>
          function apply(this: Node, grads: Gradients) {
            return change(right.call(this, given(grads)), this);
          },
      ),
    ),
  );
}

/** Changes every gradient that a node returns. */
const each = (change: (gradient: EngineTensor) => EngineTensor) => () =>
  onBackward((found) => found.map((one) => (one === null || one === undefined ? null : change(one))));

/** Multiplies one element. */
function elementTimes(gradient: EngineTensor, by: number): EngineTensor {
  if (gradient.numel() < 2) return gradient;
  const factors = engine.noGrad(() => engine.ones([gradient.numel()], { dtype: gradient.dtype }));
  const data = factors.typed();
  if (!(data instanceof BigInt64Array)) data[factors.offset + gradient.numel() - 1] = by;
  return gradient.mul(factors.reshape([...gradient.shape]));
}

function transposed(gradient: EngineTensor): EngineTensor {
  if (gradient.ndim !== 2) return gradient;
  return gradient.transpose(0, 1).reshape([...gradient.shape]);
}

/** The sum to a smaller shape without the sum: the first slice along every broadcast dim. */
function firstSlice(gradient: EngineTensor, shape: readonly number[]): EngineTensor {
  let found = gradient;
  while (found.ndim > shape.length) found = found.select(0, 0);
  shape.forEach((size, dim) => {
    if (size === 1 && found.shape[dim] !== 1) found = found.narrow(dim, 0, 1);
  });
  return found;
}

/** Sums over broadcast dims in the pass that computes a gradient see one element; sums of the forward pass are left alone. */
function unsummed(): Undo {
  let depth = 0;
  const counted = nodeKinds().map((kind) =>
    replaced(
      kind,
      'apply',
      (right) =>
        function apply(this: Node, grads: Gradients) {
          depth += 1;
          try {
            return right.call(this, grads);
          } finally {
            depth -= 1;
          }
        },
    ),
  );
  const reduce = beforeReduce((command) => {
    const { reducer, sizes, kept } = command;
    if (depth === 0 || reducer !== 'sum') return undefined;
    return { ...command, sizes: sizes.map((size, dim) => (dim < kept ? size : 1)) };
  });
  return all(
    ...counted,
    reduce,
    replaced(support, 'sumTo', () => firstSlice),
  );
}

export const GRADIENT_MUTANTS: readonly Mutant[] = [
  {
    name: 'gradient-dropped',
    doc: 'a node with several inputs returns no gradient for the last',
    families,
    cases: ['mul/shape-*', 'mul/bcast-*', 'mm/*', 'where/*'],
    gradients: true,
    cells: ['notebook/J/*', 'notebook/K/*'],
    apply: () => onBackward((found) => (found.length < 2 ? found : [...found.slice(0, -1), null])),
  },
  {
    name: 'gradient-element-zeroed',
    doc: 'the last element of every gradient is 0',
    families,
    cases: ['exp/shape-*', 'mul/shape-*', 'mm/*', 'softmax/*'],
    gradients: true,
    cells: ['notebook/H/*', 'notebook/I/*'],
    apply: each((gradient) => elementTimes(gradient, 0)),
  },
  {
    name: 'gradient-element-scaled',
    doc: 'the last element of every gradient is 0.1 % too large',
    families,
    cases: ['exp/shape-*', 'mul/shape-*', 'mm/*'],
    gradients: true,
    apply: each((gradient) => elementTimes(gradient, 1.001)),
  },
  {
    name: 'gradient-scaled',
    doc: 'every gradient × 1.001',
    families,
    cases: ['tanh/shape-*', 'mm/*', 'sum/*'],
    gradients: true,
    cells: ['notebook/H/*', 'notebook/J/*'],
    apply: each((gradient) => gradient.mul(1.001)),
  },
  {
    name: 'gradient-wrong-sign',
    doc: 'a node with several inputs returns the last gradient with the wrong sign',
    families,
    cases: ['sub/shape-*', 'sub/bcast-*', 'div/shape-*', 'mm/*'],
    gradients: true,
    apply: () =>
      onBackward((found) =>
        found.length < 2 ? found : [...found.slice(0, -1), found.at(-1)?.neg() ?? null],
      ),
  },
  {
    name: 'gradient-transposed',
    doc: 'a matrix of gradients has the values of its transpose',
    families,
    cases: ['sin/shape-*', 'mm/*', 'softmax/*'],
    gradients: true,
    apply: each(transposed),
  },
  {
    name: 'gradient-unsummed',
    doc: 'the sum over a broadcast axis is missing: the first slice is taken',
    families: ['backward', 'reduce'],
    cases: ['add/bcast-*', 'mul/bcast-*', 'expand/*'],
    gradients: true,
    cells: ['notebook/J/*', 'notebook/K/*'],
    apply: unsummed,
  },
  {
    name: 'gradient-of-ones',
    doc: 'a node takes its grad_output for ones',
    families,
    cases: ['exp/shape-*', 'mul/shape-*', 'mm/*'],
    gradients: true,
    cells: ['notebook/I/*'],
    apply: () =>
      onBackward(
        (found) => found,
        (grads) => grads.map((one) => (one ? support.onesLike(one) : null)),
      ),
  },
  {
    name: 'gradients-exchanged',
    doc: 'two inputs of one shape get each other’s gradient',
    families,
    cases: ['mul/shape-*', 'div/shape-*', 'pow/shape-*'],
    gradients: true,
    apply: () =>
      onBackward((found) => {
        const [first, second, ...rest] = found;
        return first && second && String(first.shape) === String(second.shape)
          ? [second, first, ...rest]
          : found;
      }),
  },
  {
    name: 'gradient-assigned',
    doc: 'where two gradients meet, the last one replaces the sum',
    families,
    cases: ['std/*', 'norm/*', 'layerNorm/*', 'softsign/*', 'prod/*', 'cdist/*'],
    gradients: true,
    cells: ['notebook/H/*', 'notebook/J/*', 'notebook/K/*'],
    laws: ['fan-out'],
    apply: () => replaced(support, 'add', () => (_, latest) => latest),
  },
  {
    name: 'gradient-detached',
    doc: 'the backward pass is not recorded: there are no second derivatives',
    families,
    cases: ['sin/shape-*', 'mul/shape-*', 'exp/shape-*'],
    gradients: true,
    laws: ['second-derivative'],
    apply: each((gradient) => gradient.detach()),
  },
  {
    name: 'tie-to-both',
    doc: 'at a tie, maximum and minimum give both operands the whole gradient',
    families: ['pointwise', 'reduce'],
    cases: ['maximum/*', 'minimum/*'],
    gradients: true,
    apply: () =>
      rewriting(['pointwise', 'reduce'], (program) =>
        uses(program, 'eq') && program.constants.includes(0.5)
          ? { ...program, constants: program.constants.map((one) => (one === 0.5 ? 1 : one)) }
          : undefined,
      ),
  },
  {
    name: 'slope-at-threshold',
    doc: 'relu passes the gradient at 0',
    families: ['pointwise'],
    cases: ['relu/*', 'relu6/*'],
    gradients: true,
    apply: () => rewriting(['pointwise'], (program) => withOpcodes(program, { le: 'lt' })),
  },
];
