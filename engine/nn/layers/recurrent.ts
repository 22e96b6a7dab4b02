// Recurrent layers: RNN, LSTM and GRU of several layers and directions. `const [out, [h, c]] = new LSTM(8, 16).call(x)`.

import type { Device } from '../../core/device.js';
import type { DType } from '../../core/dtype.js';
import { ArgumentError, describe, message, RuntimeError, showShape, ValueError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { pythonFloat, pythonText, pythonType } from '../../format/python-text.js';
import { cat, nn, zeros } from '../../generated/functions.js';
import type { Param } from '../../registry/define.js';
import { empty, type Factory } from '../_factory.js';
import { uniform_ } from '../init.js';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';
import { type FactoryOptions, factory, flag, float, int, type Rest, signature, text } from '../signature.js';
import { PackedSequence } from '../utils/rnn.js';
import { type Cell, cells, type States, type Weights } from './_recurrent-cells.js';

const F = nn.functional;

export interface RNNOptions extends FactoryOptions {
  /** Layers above each other. Default 1. */
  numLayers?: number;
  /** Whether biases are added. Default true. */
  bias?: boolean;
  /** Whether the batch is the first dim. Default false. */
  batchFirst?: boolean;
  /** The probability of a zero between layers. Default 0. */
  dropout?: number;
  /** Whether a second direction runs from the end. Default false. */
  bidirectional?: boolean;
}
export interface PlainRNNOptions extends RNNOptions {
  /** Default 'tanh'. */
  nonlinearity?: 'tanh' | 'relu';
}
export interface LSTMOptions extends RNNOptions {
  /** The size of the projection of the hidden state; 0 for none. Default 0. */
  projSize?: number;
}
interface RNNArgs extends Factory {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bias: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly projSize?: number;
  readonly nonlinearity?: string;
}
const SIZES: readonly Param[] = [int('input_size'), int('hidden_size'), int('num_layers', 1)];
const RULES: readonly Param[] = [
  flag('bias', true),
  flag('batch_first', false),
  float('dropout', 0),
  flag('bidirectional', false),
];
/** Sizes as PyTorch's state dicts name the weights of a layer and direction. */
const WEIGHT = /^(weight|bias)(Ih|Hh|Hr)L(\d+)(Reverse)?$/;

/** PyTorch's words for arguments of the wrong kind. @throws TypeError */
function checkKinds(name: string, o: Readonly<Record<string, unknown>>): void {
  const kinds = { bias: 'bool', batchFirst: 'bool', inputSize: 'int', hiddenSize: 'int' };
  for (const [key, kind] of Object.entries(kinds)) {
    const got = pythonType(o[key]);
    if (o[key] === undefined || got === kind) continue;
    const python = key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
    throw new ArgumentError(
      message(
        name,
        `'${key}' to be ${kind === 'bool' ? 'a boolean' : 'an integer'}`,
        describe(o[key]),
        `${python} should be of type ${kind}, got: ${got}`,
      ),
    );
  }
}
/** The arguments of a recurrent layer, whose kinds have PyTorch's own words. */
function readArgs(name: string, params: readonly Param[], args: readonly unknown[]): RNNArgs {
  const loose = params.map((p) =>
    /^(bias|batch_first|input_size|hidden_size)$/.test(p.name) ? { ...p, kind: 'any' as const } : p,
  );
  const o = signature<RNNArgs>(name, loose)(args);
  checkKinds(name, o as never);
  return o;
}

function checkArgs(name: string, o: RNNArgs): void {
  const fail = (required: string, got: unknown, hint: string): never => {
    throw new ValueError(message(name, required, String(got), hint));
  };
  const proj = o.projSize ?? 0;
  if (!(o.dropout >= 0 && o.dropout <= 1))
    fail(
      'a dropout within [0, 1]',
      o.dropout,
      'dropout should be a number in range [0, 1] representing the probability of an element being zeroed',
    );
  if (o.inputSize <= 0) fail('an inputSize above 0', o.inputSize, 'input_size must be greater than zero');
  if (o.hiddenSize <= 0) fail('a hiddenSize above 0', o.hiddenSize, 'hidden_size must be greater than zero');
  if (o.numLayers <= 0) fail('numLayers above 0', o.numLayers, 'num_layers must be greater than zero');
  if (proj < 0)
    fail(
      'a projSize of 0 or more',
      proj,
      'proj_size should be a positive integer or zero to disable projections',
    );
  if (proj >= o.hiddenSize)
    fail('a projSize below hiddenSize', proj, 'proj_size has to be smaller than hidden_size');
}

/** The state that a layer starts from: one tensor, or hidden and cell state. */
type Hidden = Tensor | readonly [Tensor, Tensor] | null;

/** What RNN, LSTM and GRU share. @see PyTorch: torch.nn.RNNBase. */
export abstract class RNNBase<H> extends Module<
  [input: Tensor | PackedSequence, hx?: Hidden],
  [Tensor | PackedSequence, H]
> {
  /** 'RNN_TANH', 'RNN_RELU', 'LSTM' or 'GRU'. */
  mode: string;
  inputSize: number;
  hiddenSize: number;
  numLayers: number;
  bias: boolean;
  batchFirst: boolean;
  dropout: number;
  bidirectional: boolean;
  projSize: number;

  constructor(name: string, mode: string, o: RNNArgs) {
    super();
    checkArgs(name, o);
    this.mode = mode;
    this.inputSize = o.inputSize;
    this.hiddenSize = o.hiddenSize;
    this.numLayers = o.numLayers;
    this.bias = o.bias;
    this.batchFirst = o.batchFirst;
    this.dropout = o.dropout;
    this.bidirectional = o.bidirectional;
    this.projSize = o.projSize ?? 0;
    for (let layer = 0; layer < o.numLayers; layer++)
      for (const suffix of this._suffixes()) this._makeWeights(layer, suffix, o);
    this.resetParameters();
  }
  /** @internal */
  _suffixes(): readonly string[] {
    return this.bidirectional ? ['', 'Reverse'] : [''];
  }
  /** @internal */
  _makeWeights(layer: number, suffix: string, made: Factory): void {
    const gates = this._cell().gates * this.hiddenSize;
    const outputs = this._outputSize();
    const inputs = layer === 0 ? this.inputSize : outputs * this._suffixes().length;
    const put = (name: string, shape: readonly number[]): void =>
      this.registerParameter(`${name}L${layer}${suffix}`, new Parameter(empty(shape, made)));
    put('weightIh', [gates, inputs]);
    put('weightHh', [gates, outputs]);
    if (this.bias) {
      put('biasIh', [gates]);
      put('biasHh', [gates]);
    }
    if (this.projSize > 0) put('weightHr', [this.projSize, this.hiddenSize]);
  }
  /** @internal */
  _cell(): Cell {
    return cells[this.mode]!;
  }
  /** @internal */
  _outputSize(): number {
    return this.projSize > 0 ? this.projSize : this.hiddenSize;
  }
  /** @internal */
  _weights(layer: number, suffix: string): Weights {
    const get = (name: string): Tensor | null =>
      (this as unknown as Record<string, Tensor | undefined>)[`${name}L${layer}${suffix}`] ?? null;
    return {
      ih: get('weightIh')!,
      hh: get('weightHh')!,
      biasIh: get('biasIh'),
      biasHh: get('biasHh'),
      hr: get('weightHr'),
    };
  }
  /** @internal */
  override stateKey(property: string): string {
    const found = WEIGHT.exec(property);
    if (found === null) return super.stateKey(property);
    const [, kind, part, layer, reverse] = found;
    return `${kind}_${part!.toLowerCase()}_l${layer}${reverse === undefined ? '' : '_reverse'}`;
  }
  /** Draws new initial values: uniform within 1/√hiddenSize. */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    for (const weight of this.parameters()) uniform_(weight, -bound, bound);
  }
  /** PyTorch's rearrangement for cuDNN: nothing to do here. */
  flattenParameters(): void {}

  /** @internal Runs all layers. `hx` has one state for each kind of state, or none. */
  run(
    input: Tensor | PackedSequence,
    hx: States | null,
  ): { output: Tensor | PackedSequence; states: States } {
    return input instanceof PackedSequence ? this._runPacked(input, hx) : this._runPadded(input, hx);
  }
  /** @internal */
  _runPadded(input: Tensor, hx: States | null): { output: Tensor; states: States } {
    if (input.ndim !== 2 && input.ndim !== 3)
      throw new ValueError(
        message(
          this.name_(),
          '2 or 3 dims',
          String(input.ndim),
          `${this.name_()}: Expected input to be 2D or 3D, got ${input.ndim}D ${this.mode.startsWith('RNN') ? 'tensor ' : ''}instead`,
        ),
      );
    const batched = input.ndim === 3;
    this._checkStateDims(hx, batched);
    const steps = !batched ? input.unsqueeze(1) : this.batchFirst ? input.transpose(0, 1) : input;
    const start = this._start(batched ? hx : (hx?.map((h) => h.unsqueeze(1)) ?? null), steps, steps.size(1));
    this._checkInput(steps, 3);
    this._checkStates(start, steps.size(1));
    const [length, batch] = steps.sizes as [number, number];
    const flat = steps.reshape(length * batch, this.inputSize);
    const { output, states } = this._layers(flat, new Array<number>(length).fill(batch), start);
    const shaped = output.reshape(length, batch, output.size(1));
    if (!batched) return { output: shaped.squeeze(1), states: states.map((h) => h.squeeze(1)) };
    return { output: this.batchFirst ? shaped.transpose(0, 1) : shaped, states };
  }
  /** @internal */
  _runPacked(input: PackedSequence, hx: States | null): { output: PackedSequence; states: States } {
    const counts = input.batchSizes.tolist() as number[];
    const { sortedIndices, unsortedIndices } = input;
    const given = hx === null || sortedIndices === null ? hx : hx.map((h) => h.indexSelect(1, sortedIndices));
    const start = this._start(given, input.data, counts[0]!);
    this._checkInput(input.data, 2);
    this._checkStates(start, counts[0]!);
    const { output, states } = this._layers(input.data, counts, start);
    const back = unsortedIndices === null ? states : states.map((h) => h.indexSelect(1, unsortedIndices));
    return {
      output: new PackedSequence(output, input.batchSizes, sortedIndices, unsortedIndices),
      states: back,
    };
  }

  /** @internal */
  _layers(input: Tensor, counts: readonly number[], start: States): { output: Tensor; states: States } {
    const cell = this._cell();
    const suffixes = this._suffixes();
    const last: Tensor[][] = start.map(() => []);
    let x = input;
    for (let layer = 0; layer < this.numLayers; layer++) {
      if (layer > 0 && this.dropout > 0) x = F.dropout(x, this.dropout, this.training);
      const outputs = suffixes.map((suffix, direction) => {
        const at = layer * suffixes.length + direction;
        const states = start.map((h) => h.select(0, at));
        const done = cell.run(x, counts, states, this._weights(layer, suffix), direction === 1);
        done.states.forEach((h, i) => {
          last[i]!.push(h);
        });
        return done.output;
      });
      x = outputs.length === 1 ? outputs[0]! : cat(outputs, -1);
    }
    return {
      output: x,
      states: last.map((list) =>
        cat(
          list.map((h) => h.unsqueeze(0)),
          0,
        ),
      ),
    };
  }

  /** @internal */
  _start(hx: States | null, like: { dtype: DType; device: Device }, batch: number): States {
    if (hx !== null) return hx;
    const rows = this.numLayers * this._suffixes().length;
    return this._stateSizes().map((size) =>
      zeros([rows, batch, size], { dtype: like.dtype, device: like.device }),
    );
  }
  /** @internal */
  _stateSizes(): readonly number[] {
    return this.mode === 'LSTM' ? [this._outputSize(), this.hiddenSize] : [this.hiddenSize];
  }
  /** @internal */
  _checkStateDims(hx: States | null, batched: boolean): void {
    if (hx === null || hx.every((h) => h.ndim === (batched ? 3 : 2))) return;
    const dims = batched ? '3-D' : '2-D';
    const given =
      hx.length === 1 ? `${hx[0]!.ndim}-D tensor` : `(${hx.map((h) => `${h.ndim}-D`).join(', ')}) tensors`;
    const names = hx.length === 1 ? 'hx' : 'hx and cx';
    throw new RuntimeError(
      message(
        this.name_(),
        `states of ${batched ? 3 : 2} dims`,
        given,
        `For ${batched ? 'batched 3-D' : 'unbatched 2-D'} input, ${names} should also be ${dims} but got ${given}`,
      ),
    );
  }
  /** @internal */
  _checkInput(input: Tensor, dims: number): void {
    const { dtype } = this._weights(0, '').ih;
    if (input.dtype !== dtype)
      throw new ValueError(
        message(
          this.name_(),
          `an input of ${dtype.name}`,
          input.dtype.name,
          `RNN input dtype (${input.dtype}) does not match weight dtype (${dtype}). Convert input: input.to(${dtype}), or convert model: model.to(${input.dtype})`,
        ),
      );
    if (input.ndim !== dims)
      throw new RuntimeError(
        message(
          this.name_(),
          `${dims} dims`,
          String(input.ndim),
          `input must have ${dims} dimensions, got ${input.ndim}`,
        ),
      );
    if (input.size(-1) !== this.inputSize)
      throw new RuntimeError(
        message(
          this.name_(),
          `${this.inputSize} features`,
          String(input.size(-1)),
          `input.size(-1) must be equal to input_size. Expected ${this.inputSize}, got ${input.size(-1)}`,
        ),
      );
  }
  /** @internal */
  _checkStates(states: States, batch: number): void {
    const rows = this.numLayers * this._suffixes().length;
    this._stateSizes().forEach((size, i) => {
      const wanted = [rows, batch, size];
      const given = states[i]!.sizes;
      if (showShape(given) === showShape(wanted)) return;
      const what = states.length === 1 ? 'hidden' : `hidden[${i}]`;
      throw new RuntimeError(
        message(
          this.name_(),
          `a state of ${showShape(wanted)}`,
          showShape(given),
          `Expected ${what} size (${wanted.join(', ')}), got [${given.join(', ')}]`,
        ),
      );
    });
  }
  override extraRepr(): string {
    const parts = [`${this.inputSize}, ${this.hiddenSize}`];
    if (this.projSize !== 0) parts.push(`proj_size=${this.projSize}`);
    if (this.numLayers !== 1) parts.push(`num_layers=${this.numLayers}`);
    if (!this.bias) parts.push('bias=False');
    if (this.batchFirst) parts.push('batch_first=True');
    if (this.dropout !== 0) parts.push(`dropout=${pythonFloat(this.dropout)}`);
    if (this.bidirectional) parts.push('bidirectional=True');
    return parts.join(', ');
  }
}

/** A layer with one state. */
abstract class OneState extends RNNBase<Tensor> {
  override call(input: PackedSequence, hx?: Tensor | null): [PackedSequence, Tensor];
  override call(input: Tensor, hx?: Tensor | null): [Tensor, Tensor];
  override call(input: Tensor | PackedSequence, hx?: Tensor | null): never {
    return super.call(input, hx ?? null) as never;
  }
  override forward(input: Tensor | PackedSequence, hx: Hidden = null): [Tensor | PackedSequence, Tensor] {
    const { output, states } = this.run(input, hx === null ? null : [hx as Tensor]);
    return [output, states[0]!];
  }
}

type RNNRest = Rest<
  PlainRNNOptions,
  ['numLayers', 'nonlinearity', 'bias', 'batchFirst', 'dropout', 'bidirectional', 'device', 'dtype']
>;
function plainArgs(args: readonly unknown[]): RNNArgs {
  const o = readArgs('RNN', [...SIZES, text('nonlinearity', 'tanh'), ...RULES, ...factory], args);
  if (o.nonlinearity === 'tanh' || o.nonlinearity === 'relu') return o;
  throw new ValueError(
    message(
      'RNN',
      "a nonlinearity 'tanh' or 'relu'",
      `'${o.nonlinearity}'`,
      `Unknown nonlinearity '${o.nonlinearity}'. Select from 'tanh' or 'relu'.`,
    ),
  );
}
/** h' = tanh(W x + b + U h + c), or with relu. Elman 1990. @see PyTorch: torch.nn.RNN. */
export class RNN extends OneState {
  nonlinearity: string;
  constructor(inputSize: number, hiddenSize: number, ...rest: RNNRest) {
    const o = plainArgs([inputSize, hiddenSize, ...rest]);
    super('RNN', o.nonlinearity === 'relu' ? 'RNN_RELU' : 'RNN_TANH', o);
    this.nonlinearity = o.nonlinearity!;
  }
}
/** The gated recurrent unit. Cho et al. 2014. @see PyTorch: torch.nn.GRU. */
export class GRU extends OneState {
  constructor(
    inputSize: number,
    hiddenSize: number,
    ...rest: Rest<
      RNNOptions,
      ['numLayers', 'bias', 'batchFirst', 'dropout', 'bidirectional', 'device', 'dtype']
    >
  ) {
    super('GRU', 'GRU', readArgs('GRU', [...SIZES, ...RULES, ...factory], [inputSize, hiddenSize, ...rest]));
  }
}
/** Hidden and cell state. */
export type LSTMState = readonly [Tensor, Tensor];
/** Long short-term memory. Hochreiter and Schmidhuber 1997. @see PyTorch: torch.nn.LSTM. */
export class LSTM extends RNNBase<LSTMState> {
  constructor(
    inputSize: number,
    hiddenSize: number,
    ...rest: Rest<
      LSTMOptions,
      ['numLayers', 'bias', 'batchFirst', 'dropout', 'bidirectional', 'projSize', 'device', 'dtype']
    >
  ) {
    super(
      'LSTM',
      'LSTM',
      readArgs(
        'LSTM',
        [...SIZES, ...RULES, int('proj_size', 0), ...factory],
        [inputSize, hiddenSize, ...rest],
      ),
    );
  }
  override call(input: PackedSequence, hx?: LSTMState | null): [PackedSequence, LSTMState];
  override call(input: Tensor, hx?: LSTMState | null): [Tensor, LSTMState];
  override call(input: Tensor | PackedSequence, hx?: LSTMState | null): never {
    return super.call(input, hx ?? null) as never;
  }
  override forward(input: Tensor | PackedSequence, hx: Hidden = null): [Tensor | PackedSequence, LSTMState] {
    const { output, states } = this.run(input, hx === null ? null : (hx as LSTMState));
    return [output, [states[0]!, states[1]!]];
  }
}

export interface CellOptions extends FactoryOptions {
  /** Whether biases are added. Default true. */
  bias?: boolean;
}
interface CellArgs extends Factory {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly bias: boolean;
  readonly nonlinearity?: string;
}
const CELL: readonly Param[] = [int('input_size'), int('hidden_size'), flag('bias', true)];

/** One step of a recurrent layer. @see PyTorch: torch.nn.RNNCellBase. */
export abstract class RNNCellBase<H extends Hidden, R> extends Module<[input: Tensor, hx?: H | null], R> {
  static override readonly stateKeys = {
    weightIh: 'weight_ih',
    weightHh: 'weight_hh',
    biasIh: 'bias_ih',
    biasHh: 'bias_hh',
  };
  inputSize: number;
  hiddenSize: number;
  bias: boolean;
  weightIh: Parameter;
  weightHh: Parameter;
  biasIh: Parameter | null;
  biasHh: Parameter | null;

  constructor(o: CellArgs, gates: number) {
    super();
    this.inputSize = o.inputSize;
    this.hiddenSize = o.hiddenSize;
    this.bias = o.bias;
    const rows = gates * o.hiddenSize;
    this.weightIh = new Parameter(empty([rows, o.inputSize], o));
    this.weightHh = new Parameter(empty([rows, o.hiddenSize], o));
    this.biasIh = o.bias ? new Parameter(empty([rows], o)) : null;
    this.biasHh = o.bias ? new Parameter(empty([rows], o)) : null;
    this.resetParameters();
  }
  /** Draws new initial values: uniform within 1/√hiddenSize. */
  resetParameters(): void {
    const bound = this.hiddenSize > 0 ? 1 / Math.sqrt(this.hiddenSize) : 0;
    for (const weight of this.parameters()) uniform_(weight, -bound, bound);
  }
  /** @internal One step, with or without a batch. */
  step(mode: string, input: Tensor, hx: States | null): States {
    const name = this.name_();
    const fail = (what: string, got: Tensor): never => {
      throw new ValueError(
        message(
          name,
          `${what} of 1 or 2 dims`,
          String(got.ndim),
          `${name}: Expected ${what} to be 1D or 2D, got ${got.ndim}D instead`,
        ),
      );
    };
    if (input.ndim !== 1 && input.ndim !== 2) fail('input', input);
    hx?.forEach((h, i) => {
      if (h.ndim !== 1 && h.ndim !== 2) fail(hx.length === 1 ? 'hidden' : `hx[${i}]`, h);
    });
    const batched = input.ndim === 2;
    const x = batched ? input : input.unsqueeze(0);
    const made = { dtype: x.dtype, device: x.device };
    const zero = (): Tensor => zeros([x.size(0), this.hiddenSize], made);
    const given =
      hx === null
        ? mode === 'LSTM'
          ? [zero(), zero()]
          : [zero()]
        : batched
          ? hx
          : hx.map((h) => h.unsqueeze(0));
    this._checkSizes(x, given);
    const weights: Weights = {
      ih: this.weightIh,
      hh: this.weightHh,
      biasIh: this.biasIh,
      biasHh: this.biasHh,
      hr: null,
    };
    const next = cells[mode]!.step(F.linear(x, weights.ih, weights.biasIh), given, weights);
    return batched ? next : next.map((h) => h.squeeze(0));
  }
  /** @internal */
  _checkSizes(x: Tensor, states: States): void {
    if (x.size(1) !== this.inputSize)
      throw new RuntimeError(
        message(
          this.name_(),
          `${this.inputSize} features`,
          String(x.size(1)),
          `input has inconsistent input_size: got ${x.size(1)} expected ${this.inputSize}`,
        ),
      );
    states.forEach((h, i) => {
      if (h.size(0) !== x.size(0))
        throw new RuntimeError(
          message(
            this.name_(),
            `a state of ${x.size(0)} rows`,
            String(h.size(0)),
            `Input batch size ${x.size(0)} doesn't match hidden${i} batch size ${h.size(0)}`,
          ),
        );
      if (h.size(1) !== this.hiddenSize)
        throw new RuntimeError(
          message(
            this.name_(),
            `a state of ${this.hiddenSize}`,
            String(h.size(1)),
            `hidden${i} has inconsistent hidden_size: got ${h.size(1)}, expected ${this.hiddenSize}`,
          ),
        );
    });
  }
  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.bias ? '' : `, bias=${pythonText(this.bias)}`}`;
  }
}
type CellRest = Rest<CellOptions, ['bias', 'device', 'dtype']>;

/** One step of an RNN. @see PyTorch: torch.nn.RNNCell. */
export class RNNCell extends RNNCellBase<Tensor, Tensor> {
  nonlinearity: string;
  constructor(
    inputSize: number,
    hiddenSize: number,
    ...rest: Rest<
      CellOptions & { nonlinearity?: 'tanh' | 'relu' },
      ['bias', 'nonlinearity', 'device', 'dtype']
    >
  ) {
    const o = signature<CellArgs>('RNNCell', [...CELL, text('nonlinearity', 'tanh'), ...factory])([
      inputSize,
      hiddenSize,
      ...rest,
    ]);
    super(o, 1);
    this.nonlinearity = o.nonlinearity!;
  }
  override forward(input: Tensor, hx: Tensor | null = null): Tensor {
    const mode = `RNN_${this.nonlinearity.toUpperCase()}`;
    if (!(mode in cells))
      throw new RuntimeError(
        message(
          'RNNCell',
          "a nonlinearity 'tanh' or 'relu'",
          `'${this.nonlinearity}'`,
          `Unknown nonlinearity: ${this.nonlinearity}`,
        ),
      );
    return this.step(mode, input, hx === null ? null : [hx])[0]!;
  }
  override extraRepr(): string {
    return `${super.extraRepr()}${this.nonlinearity === 'tanh' ? '' : `, nonlinearity=${this.nonlinearity}`}`;
  }
}
/** One step of a GRU. @see PyTorch: torch.nn.GRUCell. */
export class GRUCell extends RNNCellBase<Tensor, Tensor> {
  constructor(inputSize: number, hiddenSize: number, ...rest: CellRest) {
    super(signature<CellArgs>('GRUCell', [...CELL, ...factory])([inputSize, hiddenSize, ...rest]), 3);
  }
  override forward(input: Tensor, hx: Tensor | null = null): Tensor {
    return this.step('GRU', input, hx === null ? null : [hx])[0]!;
  }
}
/** One step of an LSTM. @see PyTorch: torch.nn.LSTMCell. */
export class LSTMCell extends RNNCellBase<LSTMState, LSTMState> {
  constructor(inputSize: number, hiddenSize: number, ...rest: CellRest) {
    super(signature<CellArgs>('LSTMCell', [...CELL, ...factory])([inputSize, hiddenSize, ...rest]), 4);
  }
  override forward(input: Tensor, hx: LSTMState | null = null): LSTMState {
    const [h, c] = this.step('LSTM', input, hx) as [Tensor, Tensor];
    return [h, c];
  }
}
