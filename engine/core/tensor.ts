// Tensor: geometry, autograd state, reading from JavaScript. Ops are declared in ops/ and become methods in
// generated/methods.ts.
import type { GradientHook } from '../autograd/hooks.js';
import { AccumulateGrad, type Node } from '../autograd/node.js';
import { Complex } from './complex.js';
import { cpu, type Device, deviceError, disposed } from './device.js';
import type { DType } from './dtype.js';
import { type NumericArray, readAt, type Scalar, typedArrayAt, typedArrayOver } from './element.js';
import { ArgumentError, describe, IndexError, message, RuntimeError, showShape } from './errors.js';
import { isContiguousLayout, numelOf, type Shape, sameShape, wrapDim } from './shape.js';
import { largestBuffer, Storage } from './storage.js';

export { type NumericArray, readAt, type Scalar, typedArrayOver, writeAt } from './element.js';
export type Nested<T> = T | Nested<T>[];

/** A shape that prints as PyTorch's: `torch.Size([3, 2])`. */
export class Size extends Array<number> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
  static of_(shape: Shape): Size {
    const s = new Size(shape.length);
    for (let i = 0; i < shape.length; i++) s[i] = shape[i]!;
    return s;
  }
  numel(): number {
    return numelOf(this);
  }
  override toString(): string {
    return `torch.Size(${showShape(this)})`;
  }
}

/** What autograd knows of a tensor; most tensors have none. */
export interface AutogradState {
  requiresGrad: boolean;
  grad: Tensor | null;
  node: Node | null;
  outputNr: number;
  accumulate: AccumulateGrad | null;
  retainsGrad: boolean;
  /** Hooks that run after a gradient was added into this leaf's. */
  afterAccumulate: { readonly hook: (t: Tensor) => void }[] | null;
}

/** How a view came about that must not be changed in-place: with others from one function, from a custom function, unrecorded. */
export type ViewRestriction = 'oneOfMany' | 'custom' | 'noGrad';

const frozenShapes = new WeakMap<Shape, Shape>();
/** A frozen copy of a shape, made once: the engine's own arrays stay plain, because frozen ones are slower to make and to read. */
function frozen(sizes: Shape): Shape {
  let copy = frozenShapes.get(sizes);
  if (copy === undefined) {
    copy = Object.freeze([...sizes]);
    frozenShapes.set(sizes, copy);
  }
  return copy;
}

/** How to rebuild a view's history from its base; set by autograd/views.ts, which knows the ops. */
export const viewHooks: { regenerate: (view: Tensor, base: Tensor) => Node } = {
  regenerate: () => {
    throw new RuntimeError('autograd: required the view rules, got none loaded');
  },
};

/**
 * An n-dimensional array of one dtype over a shared storage, with PyTorch's semantics.
 * Made by `tensor`, `zeros`, `randn`, …; never by `new` in user code.
 */
export class Tensor {
  /** @internal The memory, shared by all views of it. */
  readonly storage: Storage;
  /** @internal The size of each dim. Shared between tensors, so never changed; users get `shape`, a frozen copy. */
  readonly sizes: Shape;
  /** @internal In elements. Shared between tensors, so never changed. */
  readonly strides: Shape;
  /** @internal First element, in elements from the start of the storage. */
  readonly offset: number;
  readonly dtype: DType;
  readonly device: Device;
  /** @internal Contiguous: row-major without gaps. */
  readonly rowMajor: boolean;
  /** @internal The number of elements. */
  readonly length: number;
  /** @internal The tensor that this one is a view of. */
  readonly base: Tensor | null;
  /** @internal The storage's version when this view's history was last right. */
  viewVersion: number;
  /** @internal */
  autograd: AutogradState | null = null;
  /** @internal Why autograd lets this view, or a view of it, not be changed in-place. */
  restriction: ViewRestriction | null = null;

  /** @internal */
  constructor(
    storage: Storage,
    sizes: Shape,
    strides: Shape,
    offset: number,
    dtype: DType,
    rowMajor = isContiguousLayout(sizes, strides),
    base: Tensor | null = null,
    device: Device = storage.device,
  ) {
    this.storage = storage;
    this.sizes = sizes;
    this.strides = strides;
    this.offset = offset;
    this.dtype = dtype;
    this.device = device;
    this.rowMajor = rowMajor;
    this.length = numelOf(sizes);
    this.base = base;
    this.viewVersion = storage.version;
  }

  // --- geometry ---

  /** The size of each dim, as a frozen array. `size()` gives a `torch.Size`. */
  get shape(): Shape {
    return frozen(this.sizes);
  }
  get ndim(): number {
    return this.sizes.length;
  }
  dim(): number {
    return this.sizes.length;
  }
  numel(): number {
    return this.length;
  }
  /** The shape, or the size of one dim. @throws IndexError for a dim out of range. */
  size(): Size;
  size(dim: number): number;
  size(dim?: number): Size | number {
    if (dim === undefined) return Size.of_(this.sizes);
    if (this.sizes.length === 0) throw new IndexError(message('size', 'a tensor with dims', 'a 0-d tensor'));
    return this.sizes[wrapDim('size', dim, this.sizes.length)]!;
  }
  /** The strides in elements, or that of one dim. */
  stride(): number[];
  stride(dim: number): number;
  stride(dim?: number): number[] | number {
    if (dim === undefined) return [...this.strides];
    return this.strides[wrapDim('stride', dim, this.sizes.length)]!;
  }
  storageOffset(): number {
    return this.offset;
  }
  elementSize(): number {
    return this.dtype.itemSize;
  }
  isContiguous(): boolean {
    return this.rowMajor;
  }
  /** @internal Byte address of the first element, for a command that is run at once: showing a small storage to JavaScript moves it. */
  get address(): number {
    const { storage, dtype } = this;
    if (storage.lent !== null) storage.requireLent(dtype.isBool);
    return storage.start + this.offset * dtype.itemSize;
  }
  dataPtr(): number {
    return this.address;
  }
  isFloatingPoint(): boolean {
    return this.dtype.isFloatingPoint;
  }
  /** Counts in-place changes of the storage that this tensor and its views share. */
  get version(): number {
    return this.storage.version;
  }

  /**
   * The tensor without its history, over the same memory. Assigning replaces memory, shape, dtype and device in place, unnoticed by
   * autograd.
   * @see PyTorch: torch.Tensor.data.
   */
  get data(): Tensor {
    const { storage, sizes, strides, offset, dtype, rowMajor, device } = this;
    return new Tensor(storage, sizes, strides, offset, dtype, rowMajor, null, device);
  }
  set data(value: Tensor) {
    if (!(value instanceof Tensor)) throw new ArgumentError(message('data', 'a Tensor', describe(value)));
    if (this.requiresGrad && value.dtype.isIntegral) {
      const hint = 'data set to a tensor that requires gradients must be floating point or complex dtype';
      throw new RuntimeError(message('data', 'a floating or complex dtype', value.dtype.name, hint));
    }
    this.become(value);
  }
  /** @internal Takes over the memory and geometry of another tensor; history and gradient stay. */
  become(other: Tensor): void {
    const { storage, sizes, strides, offset, dtype, device, rowMajor, length } = other;
    Object.assign(this, { storage, sizes, strides, offset, dtype, device, rowMajor, length });
    this.viewVersion = storage.version;
  }

  // --- autograd state ---

  /** Whether operations on this tensor are recorded. Settable on leaves only. */
  get requiresGrad(): boolean {
    const a = this.autograd;
    if (a !== null && (a.requiresGrad || a.node !== null)) return true;
    return this.base?.requiresGrad === true;
  }
  set requiresGrad(value: boolean) {
    this.requiresGrad_(value);
  }
  /** Sets requiresGrad and returns the tensor. @throws RuntimeError on non-leaves and non-floating dtypes. */
  requiresGrad_(value = true): this {
    if (this.gradFn !== null) {
      if (value) return this;
      throw new RuntimeError(
        message(
          'requiresGrad_',
          'a leaf tensor',
          `the output of ${this.gradFn.name}`,
          'you can only change requires_grad flags of leaf variables. Use detach() to get a tensor that needs no gradient.',
        ),
      );
    }
    if (value && this.dtype.isIntegral) {
      throw new RuntimeError(
        message(
          'requiresGrad_',
          'a floating or complex dtype',
          this.dtype.name,
          "only Tensors of floating point dtype can require gradients. JavaScript cannot tell 1.0 from 1: write Float32Array, 1.5 or { dtype: 'float32' }",
        ),
      );
    }
    if (value || this.autograd !== null) this.state().requiresGrad = value;
    return this;
  }
  /** @internal The autograd state, made when first needed. */
  state(): AutogradState {
    this.autograd ??= {
      requiresGrad: false,
      grad: null,
      node: null,
      outputNr: 0,
      accumulate: null,
      retainsGrad: false,
      afterAccumulate: null,
    };
    return this.autograd;
  }
  /** The node that made this tensor; null for leaves. A view whose storage was changed in-place since gets a new one. */
  get gradFn(): Node | null {
    const node = this.autograd === null ? null : this.autograd.node;
    const base = this.base;
    if (base === null || this.viewVersion === this.storage.version) return node;
    if (node === null && !base.requiresGrad) return null;
    // As PyTorch: what changed the storage may have been recorded on the base, so the view's history starts there.
    const fresh = viewHooks.regenerate(this, base);
    this.replaceHistory(fresh, 0);
    return fresh;
  }
  /** @internal Which output of its node this tensor is. */
  get outputNr(): number {
    return this.autograd === null ? 0 : this.autograd.outputNr;
  }
  get isLeaf(): boolean {
    return this.gradFn === null;
  }
  isView(): boolean {
    return this.base !== null;
  }
  /** The gradient that backward() accumulated. */
  get grad(): Tensor | null {
    return this.autograd === null ? null : this.autograd.grad;
  }
  set grad(value: Tensor | null) {
    if (value !== null && value !== undefined) requireGradient(this, value);
    this.state().grad = value ?? null;
  }
  /** @internal The node that gradients of this tensor flow into; null where none do, as into an unrecorded view. */
  gradEdge(): Node | null {
    const node = this.gradFn;
    if (node !== null) return node;
    const s = this.state();
    if (!s.requiresGrad) return null;
    s.accumulate ??= new AccumulateGrad(this);
    return s.accumulate;
  }
  /** @internal Becomes output `nr` of `node`. */
  adoptHistory(node: Node, nr: number): void {
    const s = this.state();
    s.node = node;
    s.outputNr = nr;
    this.viewVersion = this.storage.version;
  }
  /** @internal The same after an in-place change: a gradient that is retained is that of the new value. */
  replaceHistory(node: Node, nr: number): void {
    const s = this.state();
    if (s.retainsGrad) {
      s.node?.hooks?.stopRetaining(s.outputNr);
      node.hooked().retain(nr, this);
    }
    this.adoptHistory(node, nr);
  }
  /** Calls `hook` with the gradient of this tensor whenever it is computed; what it returns replaces the gradient. Returns its remover. */
  registerHook(hook: GradientHook): { remove(): void } {
    if (!this.requiresGrad) {
      throw new RuntimeError(
        message(
          'registerHook',
          'a tensor that requires grad',
          'one that does not',
          "cannot register a hook on a tensor that doesn't require gradient",
        ),
      );
    }
    const remove = this.gradEdge()?.hooked().add(this.outputNr, hook);
    return { remove: () => remove?.() };
  }
  /** Calls `hook` after a gradient was accumulated into this leaf. */
  registerPostAccumulateGradHook(hook: (t: Tensor) => void): { remove(): void } {
    if (!this.isLeaf)
      throw new RuntimeError(
        message('registerPostAccumulateGradHook', 'a leaf tensor', `the output of ${this.gradFn!.name}`),
      );
    const s = this.state();
    s.afterAccumulate ??= [];
    const list = s.afterAccumulate;
    const registered = { hook };
    list.push(registered);
    return {
      remove: () => {
        const at = list.indexOf(registered);
        if (at >= 0) list.splice(at, 1);
      },
    };
  }
  /** Keeps `.grad` also on this non-leaf tensor: its gradient after all hooks. */
  retainGrad(): void {
    if (!this.requiresGrad) {
      throw new RuntimeError(
        message(
          'retainGrad',
          'a tensor that requires grad',
          'one that does not',
          "can't retain_grad on Tensor that has requires_grad=False",
        ),
      );
    }
    if (this.isLeaf || this.state().retainsGrad) return;
    this.state().retainsGrad = true;
    this.gradFn!.hooked().retain(this.outputNr, this);
  }

  // --- reading ---

  /** A typed array over the whole storage; of memory on another device a copy, made now. */
  typed(): NumericArray {
    return typedArrayOver(this.dtype, this.storage);
  }
  /** @internal Reads elements by their place in the storage; the tensor must be on the CPU, or is copied now. */
  reader(): (at: number) => Scalar {
    const { storage, dtype } = this;
    if (storage.byteLength <= largestBuffer || this.device !== cpu) {
      const data = this.typed();
      return (at) => readAt(dtype, data, at);
    }
    const bytes = dtype.itemSize;
    return (at) => {
      const one = storage.window(at * bytes, bytes);
      return readAt(dtype, typedArrayAt(dtype, one.buffer, one.byteOffset, 1), 0);
    };
  }
  /** The one element as a JavaScript value, `item<number>()` where its kind is known; int64 beyond 2^53 as a bigint, a complex one as Complex. @throws RuntimeError when there is not exactly one. */
  item<T extends Scalar = Scalar>(): T {
    if (this.length !== 1) {
      throw new RuntimeError(
        message(
          'item',
          'a tensor with one element',
          showShape(this.sizes),
          `a Tensor with ${this.length} elements cannot be converted to Scalar`,
        ),
      );
    }
    if (this.device === disposed) throw deviceError('item', [this]);
    const { storage, dtype, offset } = this;
    if (this.device === cpu) return this.reader()(offset) as T;
    const one = new Storage(dtype.itemSize);
    one.buffer = storage.read(offset * dtype.itemSize, dtype.itemSize);
    return readAt(dtype, typedArrayOver(dtype, one), 0) as T;
  }
  /** Nested arrays of JavaScript values, `tolist<number[][]>()` where their kind is known; a 0-d tensor gives its value. */
  tolist<T = Nested<Scalar>>(): T {
    const read = this.reader();
    const walk = (dim: number, at: number): Nested<Scalar> => {
      if (dim === this.sizes.length) return read(at);
      const out = new Array<Nested<Scalar>>(this.sizes[dim]!);
      for (let i = 0; i < out.length; i++) out[i] = walk(dim + 1, at + i * this.strides[dim]!);
      return out;
    };
    return walk(0, this.offset) as T;
  }
  *[Symbol.iterator](): IterableIterator<Tensor> {
    if (this.sizes.length === 0)
      throw new ArgumentError(
        message('iteration', 'a tensor with dims', 'a 0-d tensor', 'iteration over a 0-d tensor'),
      );
    for (let i = 0; i < this.sizes[0]!; i++) yield this.at(i);
  }
  /** Text, or the one value in arithmetic. @throws ArgumentError for arithmetic on several elements, which operators cannot do */
  [Symbol.toPrimitive](hint: string): number | string | bigint | boolean {
    if (hint === 'string') return this.toString();
    if (this.length !== 1) {
      throw new ArgumentError(
        message(
          'operator',
          'a tensor with one element',
          showShape(this.sizes),
          'JavaScript has no operators on tensors: use x.add(y), x.sub(y), x.mul(2), x.div(2), x.neg(), x.lt(y), x.eq(y); for text String(x)',
        ),
      );
    }
    const value = this.item();
    return value instanceof Complex ? value.valueOf() : value;
  }
}

/** @throws ArgumentError or RuntimeError where `value` cannot be the gradient of `t`. */
function requireGradient(t: Tensor, value: unknown): asserts value is Tensor {
  if (!(value instanceof Tensor)) {
    const hint = `assigned grad expected to be a Tensor or None but got grad of type ${typeof value}`;
    throw new ArgumentError(message('grad', 'a Tensor or null', describe(value), hint));
  }
  const refuse = (required: string, got: string, hint: string): never => {
    throw new RuntimeError(message('grad', required, got, hint));
  };
  if (value === t) refuse('another tensor', 'the tensor itself', "can't assign Variable as its own grad");
  if (value.dtype !== t.dtype)
    refuse(
      `a gradient of dtype ${t.dtype.name}`,
      value.dtype.name,
      `attempting to assign a gradient with dtype '${value.dtype.title}' to a tensor with grad_dtype '${t.dtype.title}'. The gradient must match the tensor's dtype.`,
    );
  if (value.device !== t.device)
    refuse(
      `a gradient on ${t.device}`,
      String(value.device),
      `attempting to assign a gradient with device type '${value.device.type}' to a tensor with device type '${t.device.type}'. Please ensure that the gradient and the tensor are on the same device`,
    );
  if (!sameShape(value.sizes, t.sizes))
    refuse(
      `a gradient of shape ${showShape(t.sizes)}`,
      showShape(value.sizes),
      `attempting to assign a gradient of size '${showShape(value.sizes)}' to a tensor of size '${showShape(t.sizes)}'. Please ensure that the gradient and the tensor are the same size`,
    );
}
