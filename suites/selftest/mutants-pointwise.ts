// Mutants of pointwise kernels: what they write, read and compute.
import {
  afterPointwise,
  beforePointwise,
  CODE,
  type Command,
  elementsOf,
  isFloat,
  itemBytes,
  type Operand,
  onFamily,
  packed,
  product,
  readPointwise,
  scratchAddress,
} from './command.js';
import type { Mutant } from './mutant.js';
import { rewriting, withOpcodes } from './programs.js';

const families = ['pointwise'] as const;
const VECTOR = 8;
const CHUNK = 65_536;

/** What every element becomes. */
const mapped = (change: (value: number) => number) => () =>
  afterPointwise((out, { out: { dtype } }) => {
    if (!isFloat(dtype)) return;
    for (let i = 0; i < out.length; i += 1) out.set(i, change(out.get(i)));
  });

const swapped = (swaps: Readonly<Record<string, string>>) => () =>
  rewriting(['pointwise'], (program) => withOpcodes(program, swaps));

/** The least distance of two elements in memory. */
function step({ strides }: Operand): number {
  return Math.min(...strides.map((one) => Math.abs(one) || Number.POSITIVE_INFINITY));
}

function inPlace({ out, inputs }: Command): boolean {
  return inputs.some((input) => input.address === out.address);
}

export const POINTWISE_MUTANTS: readonly Mutant[] = [
  {
    name: 'value-zeroed',
    doc: 'the last element of a result is 0',
    families,
    cases: ['mul/shape-*', 'exp/shape-*'],
    cells: ['notebook/D/*'],
    apply: () =>
      afterPointwise((out) => {
        if (out.length > 1) out.set(out.length - 1, 0);
      }),
  },
  {
    name: 'value-scaled',
    doc: 'one element of a result is 0.01 % too large',
    families,
    cases: ['mul/shape-*', 'sin/shape-*', 'exp/dtype*'],
    gradients: true,
    apply: () =>
      afterPointwise((out, { out: { dtype } }) => {
        if (isFloat(dtype)) out.set(out.length >> 1, out.get(out.length >> 1) * 1.0001);
      }),
  },
  {
    name: 'last-vector-short',
    doc: 'off by one at the last tile: where a row is no multiple of 8, its last element repeats the one before',
    families,
    cases: ['add/shape-*', 'sqrt/shape-*', 'add/bcast-*'],
    gradients: true,
    apply: () =>
      afterPointwise((out) => {
        const last = out.length - 1;
        if (last > VECTOR && (last + 1) % VECTOR !== 0) out.set(last, out.get(last - 1));
      }),
  },
  {
    name: 'stale-tail',
    doc: 'past the last whole vector the result keeps what the memory held',
    families,
    cases: ['add/shape-*', 'sqrt/shape-*', 'relu/shape-*'],
    apply: () =>
      onFamily('pointwise', (right) => {
        const { out, sizes } = readPointwise();
        const before = elementsOf(out, sizes).values();
        right();
        const after = elementsOf(out, sizes);
        for (let i = after.length - (after.length % VECTOR); i < after.length; i += 1)
          after.set(i, before[i]!);
      }),
  },
  {
    name: 'second-chunk-lost',
    doc: 'of a result of more than 65,536 elements the rest repeats the first ones: one thread’s share is wrong',
    families,
    cases: ['add/*', 'exp/*'],
    laws: ['large-by-parts'],
    apply: () =>
      afterPointwise((out) => {
        for (let i = CHUNK; i < out.length; i += 1) out.set(i, out.get(i - CHUNK));
      }),
  },
  {
    name: 'stride-ignored',
    doc: 'inputs are read as if they were packed',
    families,
    cases: ['add/*,transposed', 'exp/*,strided', 'mul/*,strided', 'add/*,strided'],
    apply: () =>
      beforePointwise((command) => {
        const strides = packed(command.sizes);
        const inputs = command.inputs.map((input) =>
          input.strides.every((one) => one > 0) ? { ...input, strides } : input,
        );
        return { ...command, inputs };
      }),
  },
  {
    name: 'gap-read',
    doc: 'a strided input is read one element too far: in the gap between its elements',
    families,
    cases: ['add/*,strided', 'exp/*,strided', 'mul/*,strided'],
    apply: () =>
      beforePointwise((command) => {
        const inputs = command.inputs.map((input) =>
          Number.isFinite(step(input)) && step(input) > 1
            ? { ...input, address: input.address + itemBytes(input.dtype) }
            : input,
        );
        return { ...command, inputs };
      }),
  },
  {
    name: 'gap-written',
    doc: 'an in-place op also writes between the elements of a strided target',
    families,
    cases: ['*_/*,strided,inplace', 'add/*,inplace', 'mul/*,inplace', 'fill_/*', 'zero_/*'],
    apply: () =>
      afterPointwise((_, { out }) => {
        if (!Number.isFinite(step(out)) || step(out) < 2) return;
        elementsOf({ ...out, address: out.address + itemBytes(out.dtype), strides: [1] }, [1]).set(0, 1);
      }),
  },
  {
    name: 'in-place-to-copy',
    doc: 'an in-place op writes into a copy of its target',
    families,
    cases: ['add/*,inplace', 'sin/*,inplace'],
    cells: ['notebook/D/*', 'notebook/K/*'],
    apply: () =>
      beforePointwise((command) => {
        const { out, sizes } = command;
        if (!inPlace(command)) return undefined;
        const address = scratchAddress((product(sizes) + 1) * itemBytes(out.dtype));
        return { ...command, out: { ...out, address, strides: packed(sizes) } };
      }),
  },
  {
    name: 'input-changed',
    doc: 'an op sets the first element of its input to 0',
    families,
    cases: ['add/shape-*', 'exp/shape-*'],
    apply: () =>
      afterPointwise((_, command) => {
        const [first] = command.inputs;
        if (first && !inPlace(command)) elementsOf(first, command.sizes).set(0, 0);
      }),
  },
  {
    name: 'float64-through-float32',
    doc: 'float64 is computed in float32',
    families,
    cases: ['exp/*float64*', 'mul/*float64*', 'add/*float64*'],
    gradients: true,
    apply: () =>
      rewriting(['pointwise'], (program) =>
        program.compute === CODE.float64 ? { ...program, compute: CODE.float32 } : undefined,
      ),
  },
  {
    name: 'maximum-ignores-nan',
    doc: 'maximum and minimum return the other operand where one is NaN',
    families,
    cases: ['maximum/*', 'minimum/*', 'clamp/*'],
    apply: swapped({ maximum: 'fmax', minimum: 'fmin' }),
  },
  {
    name: 'nan-becomes-zero',
    doc: 'a NaN in a result becomes 0',
    families,
    cases: ['mul/*', 'sqrt/*'],
    apply: mapped((value) => (Number.isNaN(value) ? 0 : value)),
  },
  {
    name: 'signed-zero-lost',
    doc: 'a −0 in a result becomes 0',
    families,
    cases: ['neg/*', 'mul/*', 'sin/*', 'round/*'],
    apply: mapped((value) => value + 0),
  },
  {
    name: 'comparison-at-ties',
    doc: 'lt and gt hold for equal operands',
    families,
    cases: ['lt/*', 'gt/*'],
    apply: swapped({ lt: 'le', gt: 'ge' }),
  },
  {
    name: 'floor-truncates',
    doc: 'integer and floor division round toward 0',
    families,
    cases: ['floorDivide/*', 'div/*'],
    apply: swapped({ floorDiv: 'truncDiv' }),
  },
  {
    name: 'bool-not-one',
    doc: 'a true in a result is stored as 255',
    families,
    cases: ['eq/*', 'isnan/*', 'logicalNot/*'],
    apply: () =>
      afterPointwise((out, { out: { dtype } }) => {
        if (dtype !== CODE.bool) return;
        for (let i = 0; i < out.length; i += 1) if (out.get(i) !== 0) out.set(i, 255);
      }),
  },
];
