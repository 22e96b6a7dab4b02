// Owns the translation of expressions into the addon's programs, each compiled once. It must not know tensors.

import type { DType } from '../dtype.js';
import { addon, opcodeOf } from '../native.js';
import { type Expr, topological } from './expr.js';

/** More inputs than this do not fit a numeric key: 4 bits each beside the other fields, below 2^53. */
const keyedInputs = 9;
const unkeyed = new Map<string, number>();

/**
 * The addon's program that computes `root` in `compute` from inputs of the given dtypes and stores it as `out`.
 * The layout of the code is written in native/README.md.
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

function define(root: Expr, compute: DType, inputs: readonly DType[], params: number, out: DType): number {
  const order = topological([root]);
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
    1,
    inputs.length,
    params,
    code.length / 4,
    out.code,
    ...inputs.map((d) => d.code),
  ];
  return addon.defineProgram(
    Int32Array.from([...header, ...code, register.get(root)!]),
    Float64Array.from(constants, (e) => e.value),
  );
}
