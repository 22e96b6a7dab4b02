// Mutants of whole ops: shared memory, dtypes, versions.
import * as engine from 'torchstone';
import { rewire } from 'torchstone/internals';
import type { EngineTensor } from '../common/bind.js';
import { all, type Mutant, replaced, type Undo } from './mutant.js';

/** Another function in the place of a registered op's. */
function opReplaced(name: string, wrap: (right: (...args: unknown[]) => unknown) => typeof right): Undo {
  const op = engine.ops.get(name);
  if (op === undefined) throw new TypeError(`there is no op ${name}`);
  return rewire(op, (run, inPlace) => (inPlace ? run : wrap(run)));
}

const isTensor = (value: unknown): value is EngineTensor => value instanceof engine.Tensor;

/** In-place methods leave the version of what they change as it was. */
function unversioned(): Undo {
  const methods = Object.getOwnPropertyNames(engine.Tensor.prototype).filter(
    (name) => name.endsWith('_') && name !== 'requiresGrad_',
  );
  type Method = (this: EngineTensor, ...args: unknown[]) => unknown;
  const owner = engine.Tensor.prototype as unknown as Record<string, Method>;
  return all(
    ...methods.map((name) =>
      replaced(
        owner,
        name,
        (right) =>
          function unversionedMethod(this: EngineTensor, ...args: unknown[]) {
            const before = this.storage.version;
            const result = right.apply(this, args);
            this.storage.version = before;
            return result;
          },
      ),
    ),
  );
}

export const OP_MUTANTS: readonly Mutant[] = [
  {
    name: 'alias-for-copy',
    doc: 'clone returns the memory of its input',
    families: ['ops'],
    cases: ['clone/*'],
    apply: () => opReplaced('clone', () => (x) => (x as EngineTensor).viewAs(x as EngineTensor)),
  },
  {
    name: 'copy-for-view',
    doc: 'transpose returns a copy',
    families: ['ops'],
    cases: ['transpose/*'],
    cells: ['notebook/C/*'],
    apply: () =>
      opReplaced('transpose', (right) => (...args) => {
        const result = right(...args);
        return isTensor(result) ? result.clone() : result;
      }),
  },
  {
    name: 'result-dtype',
    doc: 'add returns float64 for float32',
    families: ['ops'],
    cases: ['add/*'],
    cells: ['notebook/D/*'],
    apply: () =>
      opReplaced('add', (right) => (...args) => {
        const result = right(...args);
        return isTensor(result) && result.dtype === engine.float32 ? result.double() : result;
      }),
  },
  {
    name: 'version-not-bumped',
    doc: 'an in-place op does not count as a change of what was saved for backward',
    families: ['ops'],
    cases: ['sin/*,inplace', 'mul/*,inplace'],
    cells: ['notebook/K/*'],
    laws: ['saved-changed'],
    apply: unversioned,
  },
];
