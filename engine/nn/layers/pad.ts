// Padding layers: `new ZeroPad2d(1)`. The padding is [left, right] of the last dim, then of the one before it, and so on.
import { message, ValueError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { pythonText } from '../../format/python-text.js';
import { nn } from '../../generated/functions.js';
import { Module } from '../module.js';
import { float, ints, perDim, signature } from '../signature.js';

type Padding = number | readonly number[];
type Mode = 'constant' | 'reflect' | 'replicate' | 'circular';

abstract class Pad extends Module<[input: Tensor], Tensor> {
  padding: readonly number[];
  constructor(name: string, padding: unknown, dims: number) {
    super();
    const o = signature<{ padding: Padding }>(name, [ints('padding')])([padding]);
    this.padding = perDim(name, 'padding', o.padding, 2 * dims);
  }
  /** @internal */
  padded(input: Tensor, mode: Mode): Tensor {
    return nn.functional.pad(input, this.padding, mode);
  }
  override extraRepr(): string {
    return pythonText(this.padding);
  }
}
abstract class Circular extends Pad {
  /** @internal */
  padded3(input: Tensor, dims: number): Tensor {
    if (input.ndim !== dims + 1 && input.ndim !== dims + 2)
      throw new ValueError(
        message(
          this.name_(),
          `${dims + 1} or ${dims + 2} dims`,
          String(input.ndim),
          `expected ${dims + 1}D or ${dims + 2}D input (got ${input.ndim}D input)`,
        ),
      );
    return this.padded(input, 'circular');
  }
}
abstract class Constant extends Pad {
  value: number;
  constructor(name: string, padding: unknown, value: unknown, dims: number) {
    super(name, padding, dims);
    this.value = signature<{ value: number }>(name, [float('value')])([value]).value;
  }
  override forward(input: Tensor): Tensor {
    return nn.functional.pad(input, this.padding, 'constant', this.value);
  }
  override extraRepr(): string {
    return `padding=${pythonText(this.padding)}, value=${pythonText(this.value)}`;
  }
}
abstract class Zero extends Constant {
  override extraRepr(): string {
    return pythonText(this.padding);
  }
}

/** The other end again, over the last 1 dim. @see PyTorch: torch.nn.CircularPad1d. */
export class CircularPad1d extends Circular {
  constructor(padding: Padding) {
    super('CircularPad1d', padding, 1);
  }
  override forward(input: Tensor): Tensor {
    return this.padded3(input, 1);
  }
}

/** The other end again, over the last 2 dims. @see PyTorch: torch.nn.CircularPad2d. */
export class CircularPad2d extends Circular {
  constructor(padding: Padding) {
    super('CircularPad2d', padding, 2);
  }
  override forward(input: Tensor): Tensor {
    return this.padded3(input, 2);
  }
}

/** The other end again, over the last 3 dims. @see PyTorch: torch.nn.CircularPad3d. */
export class CircularPad3d extends Circular {
  constructor(padding: Padding) {
    super('CircularPad3d', padding, 3);
  }
  override forward(input: Tensor): Tensor {
    return this.padded3(input, 3);
  }
}

/** The mirror image at the edge, without the edge itself, over the last 1 dim. @see PyTorch: torch.nn.ReflectionPad1d. */
export class ReflectionPad1d extends Pad {
  constructor(padding: Padding) {
    super('ReflectionPad1d', padding, 1);
  }
  override forward(input: Tensor): Tensor {
    return this.padded(input, 'reflect');
  }
}

/** The mirror image at the edge, without the edge itself, over the last 2 dims. @see PyTorch: torch.nn.ReflectionPad2d. */
export class ReflectionPad2d extends Pad {
  constructor(padding: Padding) {
    super('ReflectionPad2d', padding, 2);
  }
  override forward(input: Tensor): Tensor {
    return this.padded(input, 'reflect');
  }
}

/** The mirror image at the edge, without the edge itself, over the last 3 dims. @see PyTorch: torch.nn.ReflectionPad3d. */
export class ReflectionPad3d extends Pad {
  constructor(padding: Padding) {
    super('ReflectionPad3d', padding, 3);
  }
  override forward(input: Tensor): Tensor {
    return this.padded(input, 'reflect');
  }
}

/** The edge again, over the last 1 dim. @see PyTorch: torch.nn.ReplicationPad1d. */
export class ReplicationPad1d extends Pad {
  constructor(padding: Padding) {
    super('ReplicationPad1d', padding, 1);
  }
  override forward(input: Tensor): Tensor {
    return this.padded(input, 'replicate');
  }
}

/** The edge again, over the last 2 dims. @see PyTorch: torch.nn.ReplicationPad2d. */
export class ReplicationPad2d extends Pad {
  constructor(padding: Padding) {
    super('ReplicationPad2d', padding, 2);
  }
  override forward(input: Tensor): Tensor {
    return this.padded(input, 'replicate');
  }
}

/** The edge again, over the last 3 dims. @see PyTorch: torch.nn.ReplicationPad3d. */
export class ReplicationPad3d extends Pad {
  constructor(padding: Padding) {
    super('ReplicationPad3d', padding, 3);
  }
  override forward(input: Tensor): Tensor {
    return this.padded(input, 'replicate');
  }
}

/** One value around the last 1 dim. @see PyTorch: torch.nn.ConstantPad1d. */
export class ConstantPad1d extends Constant {
  constructor(padding: Padding, value: number) {
    super('ConstantPad1d', padding, value, 1);
  }
}
/** Zeros around the last 1 dim. @see PyTorch: torch.nn.ZeroPad1d. */
export class ZeroPad1d extends Zero {
  constructor(padding: Padding) {
    super('ZeroPad1d', padding, 0, 1);
  }
}

/** One value around the last 2 dims. @see PyTorch: torch.nn.ConstantPad2d. */
export class ConstantPad2d extends Constant {
  constructor(padding: Padding, value: number) {
    super('ConstantPad2d', padding, value, 2);
  }
}
/** Zeros around the last 2 dims. @see PyTorch: torch.nn.ZeroPad2d. */
export class ZeroPad2d extends Zero {
  constructor(padding: Padding) {
    super('ZeroPad2d', padding, 0, 2);
  }
}

/** One value around the last 3 dims. @see PyTorch: torch.nn.ConstantPad3d. */
export class ConstantPad3d extends Constant {
  constructor(padding: Padding, value: number) {
    super('ConstantPad3d', padding, value, 3);
  }
}
/** Zeros around the last 3 dims. @see PyTorch: torch.nn.ZeroPad3d. */
export class ZeroPad3d extends Zero {
  constructor(padding: Padding) {
    super('ZeroPad3d', padding, 0, 3);
  }
}
