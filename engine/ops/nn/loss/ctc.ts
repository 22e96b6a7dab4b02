// Connectionist temporal classification (Graves et al., 2006): forward and backward recursions in logarithms, one pass
// a time step. As in PyTorch the gradient presumes log-probabilities from a log-softmax and has no derivative itself.
import { noGrad } from '../../../autograd/grad-mode.js';
import { record } from '../../../autograd/node.js';
import { float64, int64 } from '../../../core/dtype.js';
import { ArgumentError, describe, message, RuntimeError, showShape } from '../../../core/errors.js';
import { Tensor } from '../../../core/tensor.js';
import { apply, type Expr } from '../../../pointwise/expr.js';
import { formula, p0, requireFloating } from '../../../pointwise/fused-expression.js';
import { defineOp } from '../../../registry/define.js';
import { call, t } from '../../../registry/samples.js';
import { indices as upTo } from '../../creation/creation.js';
import { filled, longTable } from '../../indexing/index-kernels.js';
import { reduced, reductions } from './_reduction.js';

const op = 'ctcLoss';
const f64 = { dtype: 'float64' };
const none = Number.NEGATIVE_INFINITY;
const presumed = { noGrad: "PyTorch's gradient presumes log-probabilities from a log-softmax" };

function refuse(required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

/** What the recursions need: N samples, T steps, S = 2L + 1 states (a blank before, between and behind the labels). */
interface Lattice {
  readonly steps: number;
  readonly states: number;
  /** [N, S]: the class of each state. */
  readonly classes: Tensor;
  /** [N, S]: whether the state may be reached from two states before: it is a label, and another than that one. */
  readonly skips: Tensor;
  /** [N, S]: the states in which a sample may end. */
  readonly ends: Tensor;
  /** [N, 1] */
  readonly inputs: Tensor;
  /** [N, 1] */
  readonly labels: Tensor;
}

/** log(e^a + e^b + e^c) */
function logSum(a: Expr, b: Expr, c: Expr): Expr {
  const top = a.maximum(b).maximum(c);
  const safe = top.eq(none).where(0, top);
  return a.sub(safe).exp().add(b.sub(safe).exp()).add(c.sub(safe).exp()).log().add(safe);
}

const forward = formula(op, 5, (stay, one, two, skips, log) =>
  logSum(stay!, one!, skips!.where(two!, none)).add(log!),
);
const backward = formula(op, 7, (stay, one, two, skips, log, ends, last) => {
  const going = logSum(stay!, one!, skips!.where(two!, none)).add(log!);
  return last!.eq(p0!).where(ends!.where(log!, none), last!.gt(p0!).where(going, none));
});
const posterior = formula(op, 4, (alpha, beta, log, loss) => {
  const both = alpha!.add(beta!);
  return both.eq(none).where(0, both.sub(log!).add(loss!).exp());
});
/** Over the log-probability, the posterior, the gradient, the loss and whether the step is within the sample; p0: zero_infinity. */
const slope = formula(op, 5, (log, share, g, loss, inside) => {
  const lost = apply('isinf', loss!);
  const value = lost.where(p0!.where(0, Number.NaN), log!.exp().sub(share!).mul(g!));
  return inside!.where(value, 0);
});

/** Writes each step's states into [T, N, S + 2], whose two outer columns stay at −∞. */
function walked(
  logs: Tensor,
  at: Lattice,
  step: (t: number, all: Tensor) => Tensor,
  backwards: boolean,
): Tensor {
  const [steps, n, states] = logs.sizes as readonly [number, number, number];
  const all = filled([steps, n, states + 2], none, logs.dtype);
  const from = backwards ? 0 : 2;
  for (let k = 0; k < steps; k++) {
    const now = backwards ? steps - 1 - k : k;
    all.select(0, now).narrow(1, from, at.states).copy_(step(now, all));
  }
  return all.narrow(2, from, states);
}

function alphas(logs: Tensor, at: Lattice): Tensor {
  const start = upTo(at.states).lt(at.labels.clampMax(1).add(1));
  return walked(
    logs,
    at,
    (now, all) => {
      const log = logs.select(0, now);
      if (now === 0) return log.maskedFill(start.logicalNot(), none);
      const before = all.select(0, now - 1);
      const [two, one, stay] = [0, 1, 2].map((k) => before.narrow(1, k, at.states));
      return forward([stay!, one!, two!, at.skips.to(log.dtype), log]);
    },
    false,
  );
}

function betas(logs: Tensor, at: Lattice): Tensor {
  const last = at.inputs.sub(1).to(logs.dtype);
  const ends = at.ends.to(logs.dtype);
  // From a state one may skip to where its second successor allows it.
  const skips = filled(at.skips.sizes, 0, logs.dtype);
  if (at.states > 2) skips.narrow(1, 0, at.states - 2).copy_(at.skips.narrow(1, 2, at.states - 2));
  const outside = filled([logs.sizes[1]!, at.states + 2], none, logs.dtype);
  return walked(
    logs,
    at,
    (now, all) => {
      const after = now + 1 < at.steps ? all.select(0, now + 1) : outside;
      const [stay, one, two] = [0, 1, 2].map((k) => after.narrow(1, k, at.states));
      return backward([stay!, one!, two!, skips, logs.select(0, now), ends, last], [now]);
    },
    true,
  );
}

/** [N]: minus the log-probability of each sample's labels. */
function lossOf(alpha: Tensor, at: Lattice): Tensor {
  const n = alpha.sizes[1]!;
  const step = at.inputs.sub(1).clampMin(0).unsqueeze(0).expand([1, n, at.states]);
  const final = alpha.gather(0, step).squeeze(0).maskedFill(at.ends.logicalNot(), none);
  const loss = final.logsumexp(1).neg();
  // Without a step only an empty target is possible, and certain.
  const idle = at.inputs.squeeze(1).eq(0);
  const empty = at.labels.squeeze(1).eq(0);
  return loss
    .maskedFill(idle.logicalAnd(empty), 0)
    .maskedFill(idle.logicalAnd(empty.logicalNot()), Number.POSITIVE_INFINITY);
}

function lengthsOf(name: string, given: unknown, n: number): readonly number[] {
  const list =
    given instanceof Tensor ? given.reshape(-1).tolist() : typeof given === 'number' ? [given] : given;
  if (!Array.isArray(list) || ![...list].every((v) => Number.isInteger(Number(v)))) {
    throw new ArgumentError(message(op, `'${name}' to be integers`, describe(given)));
  }
  if (list.length !== n) refuse(`${n} lengths`, String(list.length), `${name} must be of size batch_size`);
  return list.map(Number);
}

function checkLengths(inputs: readonly number[], targets: readonly number[], steps: number, y: Tensor): void {
  const long = inputs.find((v) => v > steps || v < 0);
  if (long !== undefined) {
    refuse(
      `lengths up to ${steps}`,
      String(long),
      `Expected input_lengths to have value at most ${steps}, but got value ${long}`,
    );
  }
  const negative = targets.find((v) => v < 0);
  if (negative !== undefined) {
    refuse(
      'lengths of at least 0',
      String(negative),
      `Expected target_lengths to have value at least 0, but got value ${negative}`,
    );
  }
  const most = Math.max(0, ...targets);
  const total = targets.reduce((a, b) => a + b, 0);
  const fits =
    y.ndim === 1 ? y.length === total : y.ndim === 2 && y.sizes[0] === targets.length && y.sizes[1]! >= most;
  if (!fits) {
    const hint = `Expected targets [${targets.length}, at least ${most}] or all ${total} labels in one row, but got targets of size ${showShape(y.sizes)}`;
    refuse('targets that fit their lengths', showShape(y.sizes), hint);
  }
}

/** [N, L]: the labels of each sample, blanks behind its last one. */
function labelsOf(y: Tensor, lengths: readonly number[], blank: number): Tensor {
  const most = Math.max(0, ...lengths);
  let next = 0;
  const starts = lengths.map((length, i) => {
    const start = y.ndim === 2 ? i * y.sizes[1]! : next;
    next += length;
    return start;
  });
  const behind = upTo(most).ge(longTable(lengths).unsqueeze(1));
  if (y.length === 0 || most === 0) return filled([lengths.length, most], blank, int64);
  const places = longTable(starts).unsqueeze(1).add(upTo(most)).maskedFill(behind, 0);
  return y.to(int64).reshape(-1).take(places).maskedFill(behind, blank);
}

function latticeOf(
  steps: number,
  labels: Tensor,
  inputs: readonly number[],
  lengths: readonly number[],
  blank: number,
): Lattice {
  const [n, most] = labels.sizes as readonly [number, number];
  const states = 2 * most + 1;
  const odd = upTo(states).remainder(2).eq(1);
  const all = filled([n, states], blank, int64);
  if (most > 0) {
    const twice = labels
      .unsqueeze(2)
      .expand([n, most, 2])
      .reshape(n, 2 * most);
    all.narrow(1, 1, 2 * most).copy_(twice.maskedFill(odd.narrow(0, 1, 2 * most).logicalNot(), blank));
  }
  const skips = filled([n, states], 0, int64);
  if (states > 2) {
    skips.narrow(1, 2, states - 2).copy_(all.narrow(1, 2, states - 2).ne(all.narrow(1, 0, states - 2)));
  }
  const counts = longTable(lengths).unsqueeze(1);
  const end = counts.mul(2);
  const at = upTo(states);
  return {
    steps,
    states,
    classes: all,
    skips: skips.ne(0).logicalAnd(odd),
    ends: at.eq(end).logicalOr(at.eq(end.sub(1))),
    inputs: longTable(inputs).unsqueeze(1),
    labels: counts,
  };
}

/** [N]: the losses, recorded. */
function lossesOf(x: Tensor, at: Lattice, zeroInfinity: boolean): Tensor {
  const [steps, n] = x.sizes as readonly [number, number, number];
  const index = at.classes.unsqueeze(0).expand([steps, n, at.states]);
  const [logs, alpha, loss] = noGrad(() => {
    // Sums of hundreds of logarithms: float32 would leave a posterior few digits.
    const picked = x.gather(2, index).to(float64);
    const all = alphas(picked, at);
    return [picked, all, lossOf(all, at)] as const;
  });
  const out = noGrad(() => loss.to(x.dtype));
  return record('CtcLossBackward0', out, [x], (save) => {
    const saved = save(x);
    const total = save(loss);
    const lengths = [save(at.inputs), save(at.labels)];
    return ([g]) => {
      const v = saved.get();
      const losses = total.get().unsqueeze(1);
      // Views of what the caller gave.
      for (const length of lengths) length.get();
      const gradient = noGrad(() => {
        const share = posterior([alpha, betas(logs, at), logs, losses]);
        const sums = filled(v.sizes, 0, float64).scatterAdd(2, index, share);
        const inside = upTo(steps).unsqueeze(1).lt(at.inputs.squeeze(1)).to(v.dtype).unsqueeze(2);
        const parts = [v, sums, g!.unsqueeze(1), losses, inside];
        return slope(parts, [zeroInfinity ? 1 : 0]).to(v.dtype);
      });
      return [record('CtcLossBackwardBackward0', gradient, [g!, v], () => () => underivable())];
    };
  });
}

function underivable(): never {
  return refuse(
    'a derivative of its gradient',
    'none',
    'derivative for aten::_ctc_loss_backward is not implemented',
  );
}

export const ctcLoss = defineOp({
  name: op,
  torch: 'torch.nn.functional.ctc_loss',
  doc: 'Minus the log-probability of label sequences under log-probabilities [time, n, classes], over all alignments with blanks; the mean is of losses divided by target lengths.',
  variants: ['function'],
  params: [
    { name: 'log_probs', kind: 'tensor' },
    { name: 'targets', kind: 'tensor' },
    { name: 'input_lengths', kind: 'any', type: 'Tensor | readonly number[]' },
    { name: 'target_lengths', kind: 'any', type: 'Tensor | readonly number[]' },
    { name: 'blank', kind: 'int', default: 0 },
    { name: 'reduction', kind: 'string', default: 'mean', choices: reductions },
    { name: 'zero_infinity', kind: 'bool', default: false },
  ],
  kernel: (
    raw: Tensor,
    y: Tensor,
    inputLengths: unknown,
    targetLengths: unknown,
    blank: number,
    reduction: string,
    zeroInfinity: boolean,
  ): Tensor => {
    requireFloating(op, raw.dtype);
    if (raw.ndim !== 2 && raw.ndim !== 3) {
      refuse(
        'log-probabilities of 2 or 3 dims',
        showShape(raw.sizes),
        'log_probs must be (T, N, C) or (T, C)',
      );
    }
    const x = raw.ndim === 2 ? raw.unsqueeze(1) : raw;
    const [steps, n, classes] = x.sizes as readonly [number, number, number];
    if (blank < 0 || blank >= classes)
      refuse(`a blank in [0, ${classes})`, String(blank), 'blank must be in label range');
    const inputs = lengthsOf('input_lengths', inputLengths, n);
    const lengths = lengthsOf('target_lengths', targetLengths, n);
    checkLengths(inputs, lengths, steps, y);
    const at = latticeOf(steps, labelsOf(y, lengths, blank), inputs, lengths, blank);
    const losses = lossesOf(x, at, zeroInfinity);
    const finite = zeroInfinity ? losses.maskedFill(losses.detach().isinf(), 0) : losses;
    const scaled = reduction === 'mean' ? finite.div(longTable(lengths).clampMin(1).to(x.dtype)) : finite;
    const out = reduced(scaled, reduction);
    return raw.ndim === 2 && reduction === 'none' ? out.squeeze(0) : out;
  },
  tests: () => ({
    samples: [
      call(
        [t([7, 2, 5]), t([2, 3], { dtype: 'int64', fill: { values: [1, 1, 4, 2, 3, 1] } }), [7, 5], [3, 2]],
        {},
        presumed,
      ),
      call(
        [
          t([6, 2, 4], f64),
          t([4], { dtype: 'int64', layout: 'contiguous', fill: { values: [1, 2, 3, 3] } }),
          [6, 4],
          [1, 3],
        ],
        {
          reduction: 'none',
          blank: 0,
        },
        presumed,
      ),
      call(
        [t([2, 2, 4]), t([2, 2], { dtype: 'int64', fill: { values: [1, 1, 2, 3] } }), [2, 2], [2, 2]],
        {
          zero_infinity: true,
          reduction: 'sum',
        },
        presumed,
      ),
    ],
    errors: [
      { args: [t([3, 1, 4]), t([1, 2], { dtype: 'int64', fill: 'ones' }), [4], [2]], throws: 'RuntimeError' },
      {
        args: [t([3, 1, 4]), t([1, 2], { dtype: 'int64', fill: 'ones' }), [3], [2], 9],
        throws: 'RuntimeError',
      },
    ],
  }),
});
