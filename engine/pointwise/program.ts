// Compilation of expressions to the addon's programs, each once.

import { addon, opcodeOf } from '../backend/addon.js';
import { bool, computedIn, type DType, float64, partOf } from '../core/dtype.js';
import { lower, truthOf, virtualPrimitives } from './complex/lowering.js';
import type { Pair } from './complex/pair.js';
import { type Expr, expr, topological } from './expr.js';

/**
 * The addon's program that computes several expressions of real numbers, one output each, from inputs and to outputs of one dtype.
 * Not cached: the caller keeps it.
 */
export function compileOutputs(
  roots: readonly Expr[],
  compute: DType,
  inputs: number,
  params: number,
  dtype: DType,
): number {
  return defineReal(
    roots,
    compute,
    new Array<DType>(inputs).fill(dtype),
    params,
    roots.map(() => dtype),
  );
}

/** More inputs than this do not fit a numeric key: 4 bits each beside the other fields, below 2^53. */
const keyedInputs = 9;
const unkeyed = new Map<string, number>();

/**
 * The addon's program that computes `root` in `compute` from inputs of the given dtypes and stores it as `out`.
 * The layout of the code is written in native/common/program.h. A negative number stands for a program on complex numbers
 * (`complexProgram`), whose operands are the parts of tensors.
 */
export function compile(
  root: Expr,
  compute: DType,
  inputs: readonly DType[],
  params: number,
  out: DType,
): number {
  if (inputs.length > keyedInputs || params > 63) return compileUnkeyed(root, compute, inputs, params, out);
  // Arithmetic, not shifts: the key is wider than 32 bits. The count tells (bool, bool) from (bool).
  let key = (params * 16 + compute.code) * 16 + out.code;
  for (let i = 0; i < inputs.length; i++) key = key * 16 + inputs[i]!.code;
  key = key * 10 + inputs.length;
  let id = root.programs.get(key);
  if (id === undefined) {
    id = define(root, compute, inputs, params, out);
    root.programs.set(key, id);
  }
  return id;
}

function compileUnkeyed(
  root: Expr,
  compute: DType,
  inputs: readonly DType[],
  params: number,
  out: DType,
): number {
  const key = `${root.id}:${compute.code}:${inputs.map((d) => d.code).join()}:${params}:${out.code}`;
  let id = unkeyed.get(key);
  if (id === undefined) {
    id = define(root, compute, inputs, params, out);
    unkeyed.set(key, id);
  }
  return id;
}

/** A program some of whose operands are complex: each of those is two operands of the addon's, its parts. */
export interface ComplexProgram {
  /** The inputs that are complex. */
  readonly complex: readonly boolean[];
  readonly complexOut: boolean;
  /** Element by element the same for both parts: the operands may be read as real ones with a last dim of 2. */
  readonly partwise: boolean;
  /** The addon's program, of one output a part; or of one output on either part alike, where `partwise`. */
  readonly program: number;
  /** The programs of one part alone, for reductions; the second is null where the result is real. */
  parts(): readonly [number, number | null];
}

const complexPrograms: ComplexProgram[] = [];
/** What a negative program number stands for. */
export function complexProgram(program: number): ComplexProgram {
  return complexPrograms[-1 - program]!;
}

/** Sums, differences and what passes unchanged act on each part alike. */
function isPartwise(root: Expr): boolean {
  return topological([root]).every((e) => ['input', 'add', 'sub', 'neg'].includes(e.op));
}

function define(root: Expr, compute: DType, inputs: readonly DType[], params: number, out: DType): number {
  if (compute.isComplex || out.isComplex || inputs.some((d) => d.isComplex)) {
    complexPrograms.push(defineComplex(root, compute, inputs, params, out));
    return -complexPrograms.length;
  }
  const virtual = topological([root]).some((e) => virtualPrimitives.has(e.op));
  const real = virtual
    ? lower(
        root,
        inputs.map(() => false),
      ).re
    : root;
  return defineReal([real], compute, inputs, params, [out]);
}

function defineComplex(
  root: Expr,
  compute: DType,
  inputs: readonly DType[],
  params: number,
  out: DType,
): ComplexProgram {
  const complex = inputs.map((d) => d.isComplex);
  const complexOut = out.isComplex;
  // A power goes through a logarithm, whose rounding error the exponential multiplies.
  const precise = topological([root]).some((e) => e.op === 'pow');
  const within = precise ? float64 : partOf(compute);
  const part = partOf(out);
  const flat = inputs.flatMap((d) => (d.isComplex ? [partOf(d), partOf(d)] : [d]));
  const pair: Pair = lower(root, complex);
  const re = out === bool && pair.im !== null ? truthOf(pair) : pair.re;
  const of = (...roots: readonly Expr[]): number =>
    defineReal(
      roots,
      within,
      flat,
      params,
      roots.map(() => part),
    );
  let made: readonly [number, number | null] | null = null;
  const parts = (): readonly [number, number | null] => {
    made ??= [of(re), complexOut ? of(pair.im ?? expr(0)) : null];
    return made;
  };
  const partwise = complexOut && complex.every((c) => c) && inputs.length > 0 && isPartwise(root);
  const program = partwise
    ? defineReal([root], within, inputs.map(partOf), params, [part])
    : complexOut
      ? of(re, pair.im ?? expr(0))
      : of(re);
  return { complex, complexOut, partwise, program, parts };
}

/** A program on real numbers, of one output for each of `roots`. */
function defineReal(
  roots: readonly Expr[],
  computeAs: DType,
  inputs: readonly DType[],
  params: number,
  outs: readonly DType[],
): number {
  const compute = computedIn(computeAs);
  const order = topological(roots);
  const constants = order.filter((e) => e.op === 'const');
  const register = new Map<Expr, number>();
  const firstConstant = inputs.length + params;
  constants.forEach((e, i) => {
    register.set(e, firstConstant + i);
  });
  let next = firstConstant + constants.length;
  const code: number[] = [];
  for (const e of order) {
    if (e.op === 'input') register.set(e, e.value);
    else if (e.op === 'param') register.set(e, inputs.length + e.value);
    else if (e.op !== 'const') {
      const [a, b, c] = e.args.map((x) => register.get(x)!);
      code.push(opcodeOf(e.op), a!, b ?? 0, c ?? 0);
      register.set(e, next++);
    }
  }
  const header = [
    compute.code,
    outs.length,
    inputs.length,
    params,
    code.length / 4,
    ...outs.map((d) => d.code),
    ...inputs.map((d) => d.code),
  ];
  return addon.defineProgram(
    Int32Array.from([...header, ...code, ...roots.map((r) => register.get(r)!)]),
    Float64Array.from(constants, (e) => e.value),
  );
}
