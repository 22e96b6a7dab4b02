// toString of Tensor.
import { Complex } from '../core/complex.js';
import { cpu } from '../core/device.js';
import { getDefaultDtype } from '../core/dtype.js';
import { Tensor } from '../core/tensor.js';
import { formatTensor } from './print.js';

declare module '../core/tensor.js' {
  interface Tensor {
    /** The text that PyTorch prints. */
    toString(): string;
  }
}

/** The name of a tensor's node; a view whose history can no longer be told is printed all the same. */
function nodeName(t: Tensor): string | null {
  try {
    return t.gradFn?.name ?? null;
  } catch {
    return 'Invalid';
  }
}

Tensor.prototype.toString = function (this: Tensor): string {
  if (this.device.type === 'meta') {
    return `tensor(..., device='meta', size=(${this.sizes.join(', ')}${this.ndim === 1 ? ',' : ''})${this.dtype === getDefaultDtype() ? '' : `, dtype=${this.dtype}`})`;
  }
  const read = this.reader();
  const gradFn = nodeName(this);
  return formatTensor(
    {
      shape: this.sizes,
      dtype: this.dtype.name,
      at: (index) => {
        const at = index.reduce((sofar, i, d) => sofar + i * this.strides[d]!, this.offset);
        const value = read(at);
        return value instanceof Complex ? [value.re, value.im] : value;
      },
      requiresGrad: this.requiresGrad,
      ...(this.device === cpu ? {} : { device: String(this.device) }),
      ...(gradFn === null ? {} : { gradFn }),
    },
    getDefaultDtype().name,
  );
};
