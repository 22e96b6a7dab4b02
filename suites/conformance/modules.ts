// Replay of PyTorch's module database: each recorded sample is constructed, loaded, run forward and backward, and compared.
//   const findings = replayModule(sample); an empty list passes.
import * as torch from 'torchstone';
import { elementsOf, type RecordedArray } from './module-arrays.js';

type Wire = null | boolean | number | string | readonly Wire[] | { readonly [key: string]: unknown };
interface Call {
  readonly args: readonly Wire[];
  readonly kwargs: Readonly<Record<string, Wire>>;
}

/** One sample of module_db, as suites/reference/moddb.py writes it. */
export interface ModuleSample {
  readonly module: string;
  readonly dtype: 'float32' | 'float64';
  readonly training: boolean;
  readonly desc: string;
  readonly constructor: Call;
  readonly forward: Call;
  readonly lazy: boolean;
  readonly repr: string;
  readonly state: Readonly<Record<string, RecordedArray>>;
  readonly output: readonly RecordedArray[];
  /** Of float32: results and gradients in float64. */
  readonly truth: {
    readonly output: readonly RecordedArray[];
    readonly grads: readonly (RecordedArray | null)[];
  } | null;
  readonly requires: readonly boolean[];
  readonly outer: readonly RecordedArray[];
  readonly grads: readonly (RecordedArray | null)[];
  readonly after: Readonly<Record<string, RecordedArray>>;
}
/** Arguments that a constructor or forward refuses. */
export interface ModuleError {
  readonly module: string;
  readonly constructor: Call;
  readonly forward: Call | null;
  readonly on: 'CONSTRUCTION_ERROR' | 'FORWARD_ERROR';
  readonly class: string;
  readonly regex: string;
}
export interface ModuleRecording {
  readonly torch: string;
  readonly entries: number;
  readonly cases: readonly ModuleSample[];
  readonly errors: readonly ModuleError[];
}

/** torch.testing.assert_close's tolerances. */
const CLOSE = { float32: { rtol: 1.3e-6, atol: 1e-5 }, float64: { rtol: 1e-7, atol: 1e-7 } } as const;

/** Sums in another order round differently; an error of the method would be many times larger. */
const ROUNDING = 4;

type AnyModule = torch.nn.Module<readonly unknown[], unknown>;
type ModuleClass = new (...args: readonly unknown[]) => AnyModule;

const camel = (name: string): string => name.replace(/(?!^)_([a-z0-9])/g, (_, c: string) => c.toUpperCase());

/** Arguments of forward that PyTorch may name and that stand at a place here. */
const PLACES: Readonly<Record<string, number>> = { input: 0, hx: 1, output_size: 1 };

class Replay {
  readonly leaves: torch.Tensor[] = [];
  readonly #made = new Map<number, torch.Tensor>();

  value(wire: unknown): unknown {
    if (Array.isArray(wire)) return wire.map((one) => this.value(one));
    if (typeof wire !== 'object' || wire === null) return wire;
    const [[kind, inner]] = Object.entries(wire) as [[string, unknown]];
    switch (kind) {
      case 'float':
        return Number(String(inner).replace('inf', 'Infinity'));
      case 'complex':
        return new torch.Complex(...(inner as [number, number]));
      case 'tuple':
        return (inner as readonly unknown[]).map((one) => this.value(one));
      case 'dict':
      case 'options':
        return this.named(inner as Record<string, unknown>);
      case 'dtype':
        return inner;
      case 'tensor':
        return this.tensor(wire as unknown as { tensor: RecordedArray; grad: boolean; id: number });
      case 'packed': {
        const [data, sizes, sorted, unsorted] = (inner as readonly unknown[]).map((one) => this.value(one));
        return new torch.nn.utils.rnn.PackedSequence(
          data as torch.Tensor,
          sizes as torch.Tensor,
          (sorted as torch.Tensor | null) ?? null,
          (unsorted as torch.Tensor | null) ?? null,
        );
      }
      case 'module': {
        const [name, args, kwargs] = inner as [string, readonly Wire[], Record<string, Wire>];
        return this.construct(name, { args, kwargs });
      }
      case 'function':
        return (torch.nn.functional as Readonly<Record<string, unknown>>)[camel(inner as string)];
      default:
        throw new Error(`no value of the kind ${kind}`);
    }
  }
  named(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return Object.fromEntries(Object.entries(values).map(([key, one]) => [camel(key), this.value(one)]));
  }
  tensor({ tensor: recorded, grad, id }: { tensor: RecordedArray; grad: boolean; id: number }): torch.Tensor {
    const known = this.#made.get(id);
    if (known !== undefined) {
      if (grad) this.leaves.push(known);
      return known;
    }
    const made = tensorOf(recorded);
    this.#made.set(id, made);
    if (grad) this.leaves.push(made.requiresGrad_());
    return made;
  }
  construct(name: string, { args, kwargs }: Call): AnyModule {
    const made = (torch.nn as unknown as Record<string, ModuleClass | undefined>)[name];
    if (made === undefined) throw new Error(`there is no nn.${name}`);
    const options = this.named(kwargs);
    const given = args.map((one) => this.value(one));
    return new made(...given, ...(Object.keys(options).length === 0 ? [] : [options]));
  }
  forward(m: AnyModule, { args, kwargs }: Call): unknown {
    const given: unknown[] = args.map((one) => this.value(one));
    const options: Record<string, unknown> = {};
    for (const [name, wire] of Object.entries(kwargs)) {
      const at = PLACES[name];
      if (at === undefined) options[camel(name)] = this.value(wire);
      else given[at] = this.value(wire);
    }
    if (Object.keys(options).length > 0) given.push(options);
    return (m as { call(...list: unknown[]): unknown }).call(...given);
  }
}

function tensorOf(recorded: RecordedArray): torch.Tensor {
  const [dtype, shape] = recorded;
  return torch.tensor(elementsOf(recorded), { dtype } as never).reshape(shape);
}

function tensorsOf(value: unknown): torch.Tensor[] {
  if (value instanceof torch.Tensor) return [value];
  if (value instanceof torch.nn.utils.rnn.PackedSequence) return [value.data];
  if (Array.isArray(value)) return value.flatMap(tensorsOf);
  return [];
}

/** What is wrong with a tensor, or null. */
function difference(
  what: string,
  ours: torch.Tensor,
  recorded: RecordedArray,
  truth?: RecordedArray | null,
): string | null {
  const [dtype, shape] = recorded;
  if (ours.dtype.name !== dtype) return `${what}: ${ours.dtype.name} instead of ${dtype}`;
  if (String(ours.shape) !== String(shape)) return `${what}: shape [${ours.shape}] instead of [${shape}]`;
  const wanted = elementsOf(recorded);
  const exact = truth ? elementsOf(truth) : null;
  const got = ours.detach().contiguous().reshape(-1).tolist() as unknown[];
  const { rtol, atol } = CLOSE[dtype as 'float64'] ?? { rtol: 0, atol: 0 };
  const rounding =
    exact === null ? 0 : Math.max(...wanted.map((y, i) => Math.abs(Number(y) - Number(exact[i])) || 0));
  for (let i = 0; i < wanted.length; i++) {
    const a = got[i];
    const b: unknown = wanted[i];
    if (Object.is(a, b) || (typeof a === 'boolean' && Number(a) === Number(b))) continue;
    const [x, y] = [Number(a), Number(b)];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y)) || Math.abs(x - y) <= atol + rtol * Math.abs(y))
      continue;
    // Rounding: no further from the exact value than a few times PyTorch's own largest error in this array.
    const real = Number(exact?.[i]);
    if (Math.abs(x - real) <= ROUNDING * rounding) continue;
    return `${what}: element ${i} is ${x} instead of ${y}${exact === null ? '' : ` (exactly ${real})`}`;
  }
  return null;
}

/** A text in which whole floats stand as ints: JavaScript cannot tell 2.0 from 2. */
const plain = (text: string): string => text.replace(/\b(\d+)\.0\b/g, '$1');

/** Compares every part of one sample. An empty list passes. */
export function replayModule(sample: ModuleSample): string[] {
  const found: string[] = [];
  const note = (text: string | null): void => {
    if (text !== null) found.push(text);
  };
  const replay = new Replay();
  const m = replay.construct(sample.module, sample.constructor);
  m.to(sample.dtype);
  m.train(sample.training);
  if (plain(String(m)) !== plain(sample.repr)) note(`text: ${String(m)} instead of ${sample.repr}`);
  replay.leaves.length = 0;
  if (sample.lazy) new Replay().forward(m, sample.forward);
  const state = m.stateDict();
  const keys = Object.keys(state);
  if (keys.join() !== Object.keys(sample.state).join())
    note(`state dict: ${keys.join()} instead of ${Object.keys(sample.state).join()}`);
  m.loadStateDict(Object.fromEntries(Object.entries(sample.state).map(([key, one]) => [key, tensorOf(one)])));
  const results = tensorsOf(replay.forward(m, sample.forward));
  if (results.length !== sample.output.length)
    note(`${results.length} results instead of ${sample.output.length}`);
  sample.output.forEach((wanted, i) => {
    if (results[i] !== undefined)
      note(difference(`result ${i}`, results[i], wanted, sample.truth?.output[i]));
  });
  const traced = results.filter((r) => r.requiresGrad);
  if (results.map((r) => r.requiresGrad).join() !== sample.requires.join())
    note(`requiresGrad: ${results.map((r) => r.requiresGrad).join()} instead of ${sample.requires.join()}`);
  else if (traced.length > 0) {
    const wrt = [...replay.leaves, ...m.parameters().filter((p) => p.requiresGrad)];
    const grads = torch.autograd.grad(traced, wrt, {
      gradOutputs: sample.outer.map(tensorOf),
      allowUnused: true,
    } as never) as (torch.Tensor | null)[];
    if (wrt.length !== sample.grads.length) note(`${wrt.length} gradients instead of ${sample.grads.length}`);
    sample.grads.forEach((wanted, i) => {
      const ours = grads[i] ?? null;
      if ((wanted === null) !== (ours === null))
        note(
          `gradient ${i}: ${ours === null ? 'none' : 'one'} where PyTorch has ${wanted === null ? 'none' : 'one'}`,
        );
      else if (wanted !== null && ours !== null)
        note(difference(`gradient ${i}`, ours, wanted, sample.truth?.grads[i]));
    });
  }
  const buffers = new Map(m.namedBuffers());
  for (const [key, wanted] of Object.entries(sample.after)) {
    const ours = buffers.get(key);
    note(ours === undefined ? `no buffer ${key}` : difference(`buffer ${key}`, ours, wanted));
  }
  return found;
}

/** Mistakes that cannot be made here, or that PyTorch sees only later, with the reason. */
const APART: readonly { readonly is: (wrong: ModuleError) => boolean; readonly reason: string }[] = [
  {
    is: ({ constructor: { args } }) =>
      args.some(
        (one) => typeof one === 'object' && one !== null && 'float' in one && Number.isInteger(one.float),
      ),
    reason: 'a whole float where an int is wanted is an int in JavaScript',
  },
  {
    is: ({ module, constructor: { args } }) => /^(RNN|GRU)Cell$/.test(module) && typeof args[2] === 'string',
    reason: 'PyTorch takes a text for the bias flag; here it is refused at once',
  },
];
/** Python's regular expression as one of JavaScript: `[[]` is a class of one bracket; whole floats stand as ints. */
function patternOf(regex: string): RegExp {
  return new RegExp(plain(regex.replaceAll('[[]', '\\[').replaceAll('[]]', '\\]')));
}

/** Why a mistake is not replayed, or undefined. */
export function apart(wrong: ModuleError): string | undefined {
  return APART.find(({ is }) => is(wrong))?.reason;
}

/** Whether the refusal of a module is PyTorch's: its class and its text. */
export function replayModuleError(wrong: ModuleError): string[] {
  const replay = new Replay();
  try {
    const m = replay.construct(wrong.module, wrong.constructor);
    if (wrong.on === 'CONSTRUCTION_ERROR') return ['the constructor raises nothing'];
    replay.forward(m, wrong.forward!);
  } catch (error) {
    const { name, message: said } = error as Error;
    const message = plain(said);
    const found: string[] = [];
    if (name !== wrong.class) found.push(`raises ${name} instead of ${wrong.class}: ${message}`);
    if (wrong.regex !== '' && !patternOf(wrong.regex).test(message))
      found.push(`says '${message}' where PyTorch's text matches /${wrong.regex}/`);
    return found;
  }
  return ['forward raises nothing'];
}
