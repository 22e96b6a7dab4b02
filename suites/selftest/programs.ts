// Observes `defineProgram`, and runs rewritten programs in place of the right ones. Import it before the engine
// compiles its first program.
import {
  addon,
  decodePointwise,
  decodeReduce,
  encodePointwise,
  encodeReduce,
  opcodeOf,
  type ProgramCounts,
  type Reducer,
} from 'torchstone/internals';
import { all, replaced, type Undo } from './mutant.js';

/** One instruction: opcode and three registers. */
export type Instruction = readonly [opcode: number, a: number, b: number, c: number];

/** A program of the contract, taken apart. */
export interface Program {
  readonly compute: number;
  readonly outs: readonly number[];
  readonly ins: readonly number[];
  readonly params: number;
  readonly instructions: readonly Instruction[];
  readonly results: readonly number[];
  readonly constants: readonly number[];
}

const known = new Map<number, Program>();

replaced(addon, 'defineProgram', (define) => (code, constants) => {
  const id = define(code, constants);
  known.set(id, decode(code, constants));
  return id;
});

/** The program of that number. */
export function programOf(id: number): Program {
  const found = known.get(id);
  if (found === undefined) throw new Error(`program ${id} was compiled before the selftest was loaded`);
  return found;
}

/** What decoders ask of a program. */
export function countsOf(id: number): ProgramCounts {
  const { params, outs, ins } = programOf(id);
  return { params, outputs: outs.length, inputs: ins.length };
}

function decode(code: Int32Array, constants: Float64Array): Program {
  const [compute = 0, nout = 0, nin = 0, params = 0, count = 0] = code;
  const outs = Array.from(code.subarray(5, 5 + nout));
  const ins = Array.from(code.subarray(5 + nout, 5 + nout + nin));
  const first = 5 + nout + nin;
  const instructions = Array.from({ length: count }, (_, i): Instruction => {
    const [op = 0, a = 0, b = 0, c = 0] = code.subarray(first + 4 * i, first + 4 * i + 4);
    return [op, a, b, c];
  });
  const results = Array.from(code.subarray(first + 4 * count, first + 4 * count + nout));
  return { compute, outs, ins, params, instructions, results, constants: Array.from(constants) };
}

function define(program: Program): number {
  const { compute, outs, ins, params, instructions, results, constants } = program;
  const header = [compute, outs.length, ins.length, params, instructions.length];
  const code = [...header, ...outs, ...ins, ...instructions.flat(), ...results];
  return addon.defineProgram(Int32Array.from(code), Float64Array.from(constants));
}

/** Runs rewritten programs instead of the right ones in these families. The engine's own table of programs stays as it is. */
export function rewriting(
  families: readonly ('pointwise' | 'reduce')[],
  rewrite: (program: Program, reducer?: Reducer) => Program | undefined,
): Undo {
  const variants = new Map<string, number>();
  const variantOf = (id: number, reducer?: Reducer): number => {
    const key = `${id}:${reducer}`;
    let found = variants.get(key);
    if (found === undefined) {
      const wrong = rewrite(programOf(id), reducer);
      found = wrong === undefined ? id : define(wrong);
      variants.set(key, found);
    }
    return found;
  };
  const change = {
    pointwise: () => {
      const c = decodePointwise(countsOf);
      encodePointwise('selftest', { ...c, program: variantOf(c.program) });
    },
    reduce: () => {
      const c = decodeReduce(countsOf);
      encodeReduce('selftest', { ...c, program: variantOf(c.program, c.reducer) });
    },
  };
  return all(
    ...families.map((family) =>
      replaced(addon, family, (right) => () => {
        change[family]();
        right();
      }),
    ),
  );
}

/** The program with some primitives exchanged for others; undefined where it has none of them. */
export function withOpcodes(program: Program, swaps: Readonly<Record<string, string>>): Program | undefined {
  const codes = new Map(Object.entries(swaps).map(([from, to]) => [opcodeOf(from), opcodeOf(to)]));
  if (!program.instructions.some(([op]) => codes.has(op))) return undefined;
  const instructions = program.instructions.map(
    ([op, a, b, c]): Instruction => [codes.get(op) ?? op, a, b, c],
  );
  return { ...program, instructions };
}

/** Whether the program uses a primitive. */
export function uses(program: Program, primitive: string): boolean {
  return program.instructions.some(([op]) => op === opcodeOf(primitive));
}

/** The program with its result exchanged for `value` where it is NaN. */
export function withoutNan(program: Program, value: number): Program {
  const first = program.ins.length + program.params + program.constants.length;
  // One more constant moves every register of an instruction up by one.
  const moved = (register: number) => (register >= first ? register + 1 : register);
  const instructions = program.instructions.map(
    ([op, a, b, c]): Instruction => [op, moved(a), moved(b), moved(c)],
  );
  const result = moved(program.results[0]!);
  const test = first + 1 + instructions.length;
  instructions.push([opcodeOf('isnan'), result, 0, 0], [opcodeOf('where'), test, first, result]);
  return { ...program, constants: [...program.constants, value], instructions, results: [test + 1] };
}
