// Recurrent cells: the step of each kind of recurrent layer, and its run over a sequence. `cells.LSTM.run(x, counts, states, w)`.
import type { Tensor } from '../../core/tensor.js';
import { cat, nn } from '../../generated/functions.js';

const { linear } = nn.functional;

/** The states of one layer and direction: [h], or [h, c]. */
export type States = readonly Tensor[];
export interface Weights {
  readonly ih: Tensor;
  readonly hh: Tensor;
  readonly biasIh: Tensor | null;
  readonly biasHh: Tensor | null;
  /** The projection of an LSTM's hidden state. */
  readonly hr: Tensor | null;
}

export interface Cell {
  /** Rows of the weights for each hidden unit. */
  readonly gates: number;
  /** The next states, from the input's part of the gates. */
  step(gates: Tensor, states: States, w: Weights): States;
  /**
   * A sequence through the cell. `x` has the elements of all steps below each other, `counts` how many belong to each step; where
   * the counts fall, the sequences that end keep their last state.
   */
  run(
    x: Tensor,
    counts: readonly number[],
    states: States,
    w: Weights,
    reverse: boolean,
  ): { output: Tensor; states: States };
}

type Step = Cell['step'];

function cell(gates: number, step: Step): Cell {
  return {
    gates,
    step,
    run(x, counts, states, w, reverse) {
      // The input's part of the gates of all steps is one product.
      const parts = linear(x, w.ih, w.biasIh).split(counts, 0);
      return reverse ? backwards(step, parts, states, w) : forwards(step, parts, states, w);
    },
  };
}

const rows = (states: States, from: number, count: number): States =>
  states.map((h) => (count === h.size(0) ? h : h.narrow(0, from, count)));
const joined = (a: States, b: States): States => a.map((h, i) => cat([h, b[i]!], 0));

/** From the first step on; sequences end, the shortest first, which stand last. */
function forwards(
  step: Step,
  parts: readonly Tensor[],
  start: States,
  w: Weights,
): { output: Tensor; states: States } {
  const outputs: Tensor[] = [];
  let ended: States | null = null;
  let now = start;
  for (const part of parts) {
    const count = part.size(0);
    const before = now[0]!.size(0);
    if (count < before) {
      const done = rows(now, count, before - count);
      ended = ended === null ? done : joined(done, ended);
      now = rows(now, 0, count);
    }
    now = step(part, now, w);
    outputs.push(now[0]!);
  }
  return { output: cat(outputs, 0), states: ended === null ? now : joined(now, ended) };
}

/** From the last step back; sequences begin, each from its own first state. */
function backwards(
  step: Step,
  parts: readonly Tensor[],
  start: States,
  w: Weights,
): { output: Tensor; states: States } {
  const outputs: Tensor[] = [];
  let now = rows(start, 0, parts.at(-1)!.size(0));
  for (const part of [...parts].reverse()) {
    const count = part.size(0);
    const before = now[0]!.size(0);
    if (count > before) now = joined(now, rows(start, before, count - before));
    now = step(part, now, w);
    outputs.unshift(now[0]!);
  }
  return { output: cat(outputs, 0), states: now };
}

/** h' = f(gates + U h). */
const plain =
  (activation: (x: Tensor) => Tensor): Step =>
  (gates, [h], w) => [activation(gates.add(linear(h!, w.hh, w.biasHh)))];

/** i, f, g, o: c' = σ(f) c + σ(i) tanh(g), h' = σ(o) tanh(c'). */
const lstm: Step = (gates, [h, c], w) => {
  const [i, f, g, o] = gates.add(linear(h!, w.hh, w.biasHh)).chunk(4, 1) as [Tensor, Tensor, Tensor, Tensor];
  const cell = f.sigmoid().mul(c!).add(i.sigmoid().mul(g.tanh()));
  const hidden = o.sigmoid().mul(cell.tanh());
  return [w.hr === null ? hidden : linear(hidden, w.hr), cell];
};

/** r, z, n: n = tanh(gₙ + r (U h)ₙ), h' = n + z (h − n). */
const gru: Step = (gates, [h], w) => {
  const [gr, gz, gn] = gates.chunk(3, 1) as [Tensor, Tensor, Tensor];
  const [hr, hz, hn] = linear(h!, w.hh, w.biasHh).chunk(3, 1) as [Tensor, Tensor, Tensor];
  const fresh = gn.add(gr.add(hr).sigmoid().mul(hn)).tanh();
  return [fresh.add(gz.add(hz).sigmoid().mul(h!.sub(fresh)))];
};

export const cells: Readonly<Record<string, Cell>> = {
  RNN_TANH: cell(
    1,
    plain((x) => x.tanh()),
  ),
  RNN_RELU: cell(
    1,
    plain((x) => x.relu()),
  ),
  LSTM: cell(4, lstm),
  GRU: cell(3, gru),
};
