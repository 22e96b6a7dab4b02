// Dropout layers: random zeros in training, the identity in evaluation. `new Dropout(0.5)`.
import { message, ValueError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { pythonFloat, pythonText } from '../../format/python-text.js';
import { nn } from '../../generated/functions.js';
import { Module } from '../module.js';
import { flag, float, type Rest, signature } from '../signature.js';
import { stored } from './activation.js';

const F = nn.functional;

export interface DropoutOptions {
  /** The probability of a zero. Default 0.5. */
  p?: number;
  /** Whether the input is overwritten. Default false. */
  inplace?: boolean;
}
type DropoutRest = Rest<DropoutOptions, ['p', 'inplace']>;

abstract class DropoutBase extends Module<[input: Tensor], Tensor> {
  p: number;
  inplace: boolean;
  constructor(name: string, args: readonly unknown[]) {
    super();
    const o = signature<{ p: number; inplace: boolean }>(name, [float('p', 0.5), flag('inplace', false)])(
      args,
    );
    if (!(o.p >= 0 && o.p <= 1))
      throw new ValueError(
        message(
          name,
          'a probability',
          String(o.p),
          `dropout probability has to be between 0 and 1, but got ${pythonFloat(o.p)}`,
        ),
      );
    this.p = o.p;
    this.inplace = o.inplace;
  }
  override extraRepr(): string {
    return `p=${pythonFloat(this.p)}, inplace=${pythonText(this.inplace)}`;
  }
}

/** Zeros single elements. Srivastava et al. 2014. @throws ValueError for a p outside [0, 1] @see PyTorch: torch.nn.Dropout. */
export class Dropout extends DropoutBase {
  constructor(...rest: DropoutRest) {
    super('Dropout', rest);
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.dropout(x, this.p, this.training));
  }
}
/** Zeros whole channels of [N, C, L]. @see PyTorch: torch.nn.Dropout1d. */
export class Dropout1d extends DropoutBase {
  constructor(...rest: DropoutRest) {
    super('Dropout1d', rest);
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.dropout1d(x, this.p, this.training));
  }
}
/** Zeros whole channels of [N, C, H, W]. @see PyTorch: torch.nn.Dropout2d. */
export class Dropout2d extends DropoutBase {
  constructor(...rest: DropoutRest) {
    super('Dropout2d', rest);
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.dropout2d(x, this.p, this.training));
  }
}
/** Zeros whole channels of [N, C, D, H, W]. @see PyTorch: torch.nn.Dropout3d. */
export class Dropout3d extends DropoutBase {
  constructor(...rest: DropoutRest) {
    super('Dropout3d', rest);
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.dropout3d(x, this.p, this.training));
  }
}
/** Keeps mean and variance of self-normalising networks. Klambauer et al. 2017. @see PyTorch: torch.nn.AlphaDropout. */
export class AlphaDropout extends DropoutBase {
  constructor(...rest: DropoutRest) {
    super('AlphaDropout', rest);
  }
  override forward(input: Tensor): Tensor {
    return F.alphaDropout(input, this.p, this.training);
  }
}
/** AlphaDropout of whole channels. @see PyTorch: torch.nn.FeatureAlphaDropout. */
export class FeatureAlphaDropout extends DropoutBase {
  constructor(...rest: DropoutRest) {
    super('FeatureAlphaDropout', rest);
  }
  override forward(input: Tensor): Tensor {
    return F.featureAlphaDropout(input, this.p, this.training);
  }
}
