// Pointwise functions on tensors: dtype rule, result, recording, and gradients derived from the expression.

import { gradMode } from '../autograd/grad-mode.js';
import { setHistory, shouldRecord } from '../autograd/node.js';
import { launchPointwise } from '../backend/commands/pointwise.js';
import { fromBrain, fromHalf, toBrain, toHalf } from '../core/complex.js';
import { deviceError } from '../core/device.js';
import {
  bool,
  canCast,
  complexOf,
  computedIn,
  type DType,
  float16,
  getDefaultDtype,
  partOf,
} from '../core/dtype.js';
import { message, NotImplementedError, RuntimeError, showShape } from '../core/errors.js';
import { newStrided, newTensor, newTensorLike } from '../core/factory.js';
import { rangeOf, requireFits, wrapped } from '../core/scalar.js';
import { broadcastShapes, expandsTo, preservedStrides, type Shape, sameShape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { differentiateComplex, isRealValued } from './complex/wirtinger.js';
import { cut, type Piece } from './cut.js';
import { differentiate } from './differentiate.js';
import { type Expr, input, substitute, topological } from './expr.js';
import { promoted } from './function-support.js';
import { PointwiseNode } from './node.js';
import { compile } from './program.js';

const none: readonly number[] = [];

/** How the compute and result dtypes follow from the inputs'. */
export type Promotion =
  | 'same' // promoted; the result too
  | 'float' // integers become the default float
  | 'predicate' // promoted; the result is bool
  | 'parts' // promoted; the result is complex of it
  | { readonly compute: DType; readonly out: DType };

interface Resolved {
  readonly program: number;
  readonly compute: DType;
  readonly out: DType;
  /** The same function with the derivatives of complex numbers, where these are some. */
  readonly complex: PointwiseFunction | null;
  /** Scalars are checked or wrapped before they enter the compute dtype. */
  readonly guarded: boolean;
  /** What is called instead: that, or what first rounds numbers to the dtype that tensors are compared in. */
  readonly other: Pick<PointwiseFunction, 'apply'> | null;
}

export interface FunctionOptions {
  readonly promote?: Promotion;
  /** Inputs that take no part in promotion (a condition). */
  readonly neutral?: readonly number[];
  /** Refuses a compute dtype: the reason, or null. */
  readonly refuse?: (compute: DType) => string | null;
  /** Compute dtypes that PyTorch has no kernel for. */
  readonly lacks?: (compute: DType) => boolean;
  /** Scalars that the compute dtype must hold; others wrap, as PyTorch's numbers in arithmetic do. */
  readonly fitting?: readonly number[];
}

/** What one scalar parameter is, for promotion: -1 takes no part. */
export type ScalarKind = DType | null;

/** An expression of some inputs and scalar parameters, applied elementwise to broadcast tensors. */
export class PointwiseFunction {
  readonly name: string;
  readonly nodeName: string;
  readonly root: Expr;
  readonly inputs: number;
  readonly #options: FunctionOptions;
  readonly #resolved = new Map<number, Resolved>();
  readonly #gradients: (GradientRule | undefined)[] = [];
  readonly #reads: (readonly number[] | undefined)[] = [];
  /** Which inputs are complex, as bits; null in a function of real numbers. */
  readonly #complexInputs: number | null;
  readonly #complexForms = new Map<number, PointwiseFunction>();
  /** What a long expression is computed in; null where it is one program. */
  readonly #pieces: readonly Piece[] | null;
  readonly #pieceFunctions = new Map<number, readonly PointwiseFunction[]>();

  constructor(
    name: string,
    nodeName: string,
    root: Expr,
    inputs: number,
    options: FunctionOptions = {},
    complexInputs: number | null = null,
  ) {
    this.#complexInputs = complexInputs;
    this.name = name;
    this.nodeName = nodeName;
    this.root = root;
    this.inputs = inputs;
    this.#options = options;
    this.#pieces = cut(root, inputs);
  }

  /** The new tensor `f(tensors, scalars)`, recorded where a gradient is wanted. */
  apply(tensors: readonly Tensor[], scalars: readonly number[], kinds: readonly ScalarKind[]): Tensor {
    const r = this.resolve(tensors, kinds);
    if (r.other !== null) return r.other.apply(tensors, scalars, kinds);
    return this.#run(r, tensors, scalars);
  }

  #run(r: Resolved, tensors: readonly Tensor[], scalars: readonly number[]): Tensor {
    const entering = r.guarded ? this.#entering(r, scalars) : scalars;
    const out = this.#allocate(tensors, r.out);
    if (this.#pieces === null) launchPointwise(this.name, r.program, out, tensors, entering);
    else this.#launchPieces(this.#pieces, r.compute, out, tensors, entering);
    if (gradMode.enabled && r.out.isInexact && shouldRecord(tensors)) {
      setHistory(out, new PointwiseNode(this, tensors, scalars, out, r.compute));
    }
    return out;
  }

  /** The scalars as the compute dtype takes them. @throws RuntimeError where one must fit and does not */
  #entering(r: Resolved, scalars: readonly number[]): readonly number[] {
    const held = computedIn(r.compute);
    for (const i of this.#options.fitting ?? none) requireFits(this.name, held, scalars[i]!);
    return r.compute.isInteger && scalars.some((v) => Math.abs(v) >= 2 ** 31)
      ? scalars.map((v) => wrapped(v, r.compute))
      : scalars;
  }

  /** Writes `f` into `target`. The caller has checked that target may be changed, and records. */
  applyInto(
    target: Tensor,
    tensors: readonly Tensor[],
    scalars: readonly number[],
    kinds: readonly ScalarKind[],
  ): DType {
    const r = this.resolve(tensors, kinds);
    const entering = r.guarded ? this.#entering(r, scalars) : scalars;
    let shape: Shape = tensors[0]?.sizes ?? target.sizes;
    for (let i = 1; i < tensors.length; i++) shape = broadcastShapes(this.name, shape, tensors[i]!.sizes);
    if (!sameShape(shape, target.sizes) && !expandsTo(shape, target.sizes)) {
      throw new RuntimeError(
        message(
          `${this.name}_`,
          `a result of shape ${showShape(target.sizes)}`,
          showShape(shape),
          `output with shape ${showShape(target.sizes)} doesn't match the broadcast shape ${showShape(shape)}`,
        ),
      );
    }
    if (!canCast(r.out, target.dtype)) {
      throw new RuntimeError(
        message(
          `${this.name}_`,
          `a result that ${target.dtype.name} can hold`,
          r.out.name,
          `result type ${r.out.title} can't be cast to the desired output type ${target.dtype.title}`,
        ),
      );
    }
    if (this.#pieces !== null) {
      this.#launchPieces(this.#pieces, r.compute, target, tensors, scalars);
      return r.compute;
    }
    const program = compile(
      this.root,
      r.compute,
      tensors.map((t) => t.dtype),
      scalars.length,
      target.dtype,
    );
    launchPointwise(this.name, program, target, tensors, entering);
    return r.compute;
  }

  /** A long expression: every piece but the last into memory of its own, in the dtype that is computed in. */
  #launchPieces(
    pieces: readonly Piece[],
    compute: DType,
    out: Tensor,
    tensors: readonly Tensor[],
    scalars: readonly number[],
  ): void {
    const within = compute.isComplex ? compute : computedIn(compute);
    const functions = this.#functionsOf(pieces, within);
    const values = [...tensors];
    const kinds = scalars.map(() => null);
    const recording = gradMode.enabled;
    gradMode.enabled = false;
    try {
      pieces.forEach(({ root, reads }, i) => {
        const operands = reads.map((r) => values[r]!);
        if (i + 1 < pieces.length) values.push(functions[i]!.apply(operands, scalars, kinds));
        else {
          const dtypes = operands.map((t) => t.dtype);
          const program = compile(root, within, dtypes, scalars.length, out.dtype);
          launchPointwise(this.name, program, out, operands, scalars);
        }
      });
    } finally {
      gradMode.enabled = recording;
    }
  }

  #functionsOf(pieces: readonly Piece[], compute: DType): readonly PointwiseFunction[] {
    let made = this.#pieceFunctions.get(compute.code);
    if (made === undefined) {
      made = pieces.map(
        ({ root, reads }) =>
          new PointwiseFunction(this.name, this.nodeName, root, reads.length, {
            promote: { compute, out: compute },
          }),
      );
      this.#pieceFunctions.set(compute.code, made);
    }
    return made;
  }

  /** The program and dtypes for these inputs, cached by what decides them. */
  resolve(tensors: readonly Tensor[], kinds: readonly ScalarKind[]): Resolved {
    let key = getDefaultDtype().code === 8 ? 0 : 1;
    const { device } = tensors[0]!;
    if (device.kernels === null) throw deviceError(this.name, tensors);
    for (let i = 0; i < tensors.length; i++) {
      const t = tensors[i]!;
      if (t.device !== device) throw deviceError(this.name, tensors);
      key = key * 32 + t.dtype.code + (t.sizes.length === 0 ? 16 : 0);
    }
    for (let i = 0; i < kinds.length; i++) key = key * 5 + (kinds[i] === null ? 4 : kinds[i]!.category);
    let found = this.#resolved.get(key);
    if (found === undefined) {
      found = this.#resolve(tensors, kinds);
      this.#resolved.set(key, found);
    }
    return found;
  }

  #resolve(tensors: readonly Tensor[], kinds: readonly ScalarKind[]): Resolved {
    const rule = this.#options.promote ?? 'same';
    let compute: DType;
    let out: DType;
    if (typeof rule === 'object') {
      compute = rule.compute;
      out = rule.out;
      const complex = compute.isFloatingPoint && out === compute;
      if (complex && promoted(tensors, kinds, this.#options.neutral ?? []).isComplex)
        compute = out = complexOf(compute);
    } else {
      compute = promoted(tensors, kinds, this.#options.neutral ?? []);
      if (rule === 'float' && compute.isIntegral) compute = getDefaultDtype();
      out = rule === 'predicate' ? bool : compute;
    }
    const refused = this.#options.refuse?.(compute) ?? null;
    if (refused !== null) throw new RuntimeError(message(this.name, refused, compute.name));
    if (rule === 'parts') compute = out = complexOf(compute);
    let complex: PointwiseFunction | null = null;
    if (compute.isComplex) {
      const mask = tensors.reduce((bits, t, i) => bits + (t.dtype.isComplex ? 1 << i : 0), 0);
      if (this.#complexInputs === null) complex = this.#complexForm(mask);
      if (rule === 'same' || rule === 'float') {
        if (isRealValued(this.root, (i) => ((mask >> i) & 1) === 1)) out = partOf(compute);
      }
    }
    const program = this.#pieces === null ? this.#compile(tensors, kinds.length, compute, out) : Number.NaN;
    const narrow = compute.isInteger && compute.itemSize < 8;
    const guarded =
      kinds.length > 0 && (narrow || (this.#options.fitting !== undefined && rangeOf(compute) !== null));
    const r: Resolved = { program, compute, out, complex, guarded, other: complex };
    const rounds = rule === 'predicate' && kinds.length > 0 && computedIn(compute) !== compute;
    return rounds ? { ...r, other: this.#rounding(r) } : r;
  }

  /** As PyTorch: a number is compared with 16-bit floats as one of them. */
  #rounding(r: Resolved): Pick<PointwiseFunction, 'apply'> {
    const round = (v: number): number =>
      r.compute === float16 ? fromHalf(toHalf(v)) : fromBrain(toBrain(v));
    return { apply: (tensors, scalars) => this.#run(r, tensors, scalars.map(round)) };
  }

  /** @throws NotImplementedError where the expression has no meaning for complex numbers. */
  #compile(tensors: readonly Tensor[], params: number, compute: DType, out: DType): number {
    const dtypes = tensors.map((t) => t.dtype);
    try {
      if (this.#options.lacks?.(compute) === true) throw new NotImplementedError(this.name);
      return compile(this.root, compute, dtypes, params, out);
    } catch (error) {
      if (!(error instanceof NotImplementedError)) throw error;
      const hint = `"${this.name}" not implemented for '${compute.title}'`;
      throw new NotImplementedError(message(this.name, 'real numbers', compute.name, hint));
    }
  }

  /** This function of complex numbers: the same programs, other derivatives. */
  #complexForm(mask: number): PointwiseFunction {
    let form = this.#complexForms.get(mask);
    if (form === undefined) {
      form = new PointwiseFunction(this.name, this.nodeName, this.root, this.inputs, this.#options, mask);
      this.#complexForms.set(mask, form);
    }
    return form;
  }

  /** The function whose derivatives hold for these inputs. */
  formFor(tensors: readonly Tensor[], kinds: readonly ScalarKind[]): PointwiseFunction {
    return this.resolve(tensors, kinds).complex ?? this;
  }

  /** The derivative with respect to input `i` times `g`, its real part where the input is real; null: zero. */
  derivative(i: number, g: Expr): Expr | null {
    const mask = this.#complexInputs;
    if (mask === null) return differentiate(this.root, i, g);
    const isComplex = (k: number): boolean => ((mask >> k) & 1) === 1;
    return differentiateComplex(this.root, i, g, isComplex);
  }

  /** A fresh result: contiguous, or in the order of memory of the inputs where they are all laid out otherwise. */
  #allocate(tensors: readonly Tensor[], dtype: DType): Tensor {
    let like = tensors[0]!;
    let { sizes: shape } = like;
    let uniform = like.rowMajor;
    for (let i = 1; i < tensors.length; i++) {
      const t = tensors[i]!;
      if (sameShape(t.sizes, shape)) uniform &&= t.rowMajor || isOneValue(t);
      else if (t.length === 1 && t.sizes.length <= shape.length) continue;
      else {
        const had = shape;
        shape = broadcastShapes(this.name, had, t.sizes);
        uniform &&= t.rowMajor && like.length === 1 && sameShape(shape, t.sizes);
        like = t;
      }
    }
    if (uniform) return newTensorLike(like, dtype);
    // One value repeated has no order of memory to keep.
    const full = tensors.find((t) => t.length > 1 && sameShape(t.sizes, shape) && !isOneValue(t));
    if (full !== undefined && !full.rowMajor)
      return newStrided(shape, preservedStrides(shape, full.strides), dtype);
    return newTensor(shape, dtype);
  }

  /** What the gradients of the inputs in the bit set `wanted` read, each once. */
  readsFor(wanted: number): readonly number[] {
    let reads = this.#reads[wanted];
    if (reads === undefined) {
      const all = new Set<number>();
      for (let i = 0; i < this.inputs; i++) {
        if ((wanted >> i) & 1) for (const r of this.gradient(i).reads) all.add(r);
      }
      reads = [...all];
      this.#reads[wanted] = reads;
    }
    return reads;
  }

  /** The rule for the gradient of input `i`, derived once. */
  gradient(i: number): GradientRule {
    let rule = this.#gradients[i];
    if (rule === undefined) {
      rule = new GradientRule(this, i);
      this.#gradients[i] = rule;
    }
    return rule;
  }
}

/** Whether every element is the same one in memory. */
function isOneValue(t: Tensor): boolean {
  for (let d = 0; d < t.sizes.length; d++) if (t.strides[d] !== 0 && t.sizes[d] !== 1) return false;
  return true;
}

/** How the gradient of one input is computed: which values it needs, and the program for each pair of dtypes. */
class GradientRule {
  /** Null: zero. */
  readonly expr: Expr | null;
  /** The gradient passes unchanged. */
  readonly identity: boolean;
  /** Inputs that the rule reads: position among the function's inputs; `inputs` is g, `inputs + 1` the result. */
  readonly reads: readonly number[];
  readonly #of: PointwiseFunction;
  readonly #functions = new Map<number, PointwiseFunction>();

  constructor(of: PointwiseFunction, index: number) {
    this.#of = of;
    const g = input(of.inputs);
    const raw = of.derivative(index, g);
    // The function's own value is saved, not computed again, as PyTorch does for exp, sqrt, tanh, …
    const full =
      raw === null || of.root.args.length === 0
        ? raw
        : substitute(raw, (e) => (e === of.root ? input(of.inputs + 1) : undefined));
    this.identity = full === g;
    const reads =
      full === null
        ? []
        : topological([full])
            .filter((e) => e.op === 'input')
            .map((e) => e.value);
    this.reads = reads.sort((a, b) => a - b);
    this.expr =
      full === null
        ? null
        : substitute(full, (e) => (e.op === 'input' ? input(this.reads.indexOf(e.value)) : undefined));
  }

  /** The gradient as a function that computes in `compute` and yields `out`. */
  functionFor(compute: DType, out: DType): PointwiseFunction {
    const key = compute.code * 16 + out.code;
    let f = this.#functions.get(key);
    if (f === undefined) {
      f = new PointwiseFunction(this.#of.name, this.#of.nodeName, this.expr!, this.reads.length, {
        promote: { compute, out },
      });
      this.#functions.set(key, f);
    }
    return f;
  }
}
