// What `console.log` and `JSON.stringify` show of tensors and what belongs to them: PyTorch's text, and values.
import { Node } from '../autograd/node.js';
import { Complex } from '../core/complex.js';
import { Device } from '../core/device.js';
import { DType } from '../core/dtype.js';
import { Generator } from '../core/random.js';
import { type Nested, type Scalar, Size, Tensor } from '../core/tensor.js';

declare module '../core/tensor.js' {
  interface Tensor {
    /** Nested arrays of values, for `JSON.stringify`: int64 beyond 2^53 as text, complex numbers as [re, im]. */
    toJSON(): unknown;
  }
}

/** A value as JSON has it. */
function plain(value: Nested<Scalar>): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Complex) return [value.re, value.im];
  return typeof value === 'bigint' ? String(value) : value;
}

Tensor.prototype.toJSON = function (this: Tensor): unknown {
  return plain(this.tolist());
};

const inspect = Symbol.for('nodejs.util.inspect.custom');
for (const shown of [Tensor, Device, DType, Size, Node]) {
  Object.defineProperty(shown.prototype, inspect, {
    value(this: object): string {
      return String(this);
    },
  });
}
Object.defineProperty(Generator.prototype, inspect, {
  value(this: Generator): string {
    return `<torch.Generator seed=${this.initialSeed()}>`;
  },
});
for (const named of [Device, DType]) {
  Object.defineProperty(named.prototype, 'toJSON', {
    value(this: object): string {
      return String(this);
    },
  });
}
