// A fake peer library that does every kind of wrong. Tensors are plain arrays with a shape.
import type { ArrayValue } from '../../suites/common/compare.js';
import { type Call, Unsupported } from '../../suites/peers/call.js';
import { Calls, type PeerEngine } from '../../suites/peers/engine.js';

type Numbers = ArrayValue & { readonly data: Float32Array };

/** The fake engine. */
export async function openPeer(): Promise<PeerEngine> {
  const pairwise = (call: Call, f: (a: number, b: number) => number): Numbers => {
    const [x, y] = [call.tensor('input') as Numbers, call.tensor('other') as Numbers];
    return { ...x, data: x.data.map((one, i) => f(one, y.data[i % y.data.length]!)) };
  };
  return {
    dtypes: ['float32'],
    ops: {
      add: (call) => pairwise(call, (a, b) => a + b),
      sub: (call) => pairwise(call, (a, b) => a - b + 0.1),
      mul: () => {
        for (;;);
      },
      div: () => process.abort(),
      neg: () => {
        throw new Error('no minus here');
      },
      square: () => {
        // What WebAssembly throws when it reads beyond its memory.
        throw Object.assign(new Error('memory access out of bounds'), { name: 'RuntimeError' });
      },
      abs: () => {
        throw new Unsupported('it has no such thing');
      },
    },
    calls: new Calls(),
    input: (value) => value,
    output: (value) => value as Numbers,
    gradient: (_run, inputs, weight) => inputs.map(() => weight),
  };
}
