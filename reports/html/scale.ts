// The bounds of axes: where they begin and end, which ticks a reader wants. Pure numbers; drawing is the chart library's.

/** An axis. `low`, `high` and `step` are positions: logarithms where it is logarithmic; `at` and `value` translate. */
export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly step: number;
  at(value: number): number;
  value(at: number): number;
}

/** An axis for ratios in powers of two, symmetric ticks around 1, never narrower than ½ to 2, cut at 1/256 and 256. */
export function ratioAxis(values: readonly number[]): Axis {
  const inside = values.filter((value) => value > 0 && Number.isFinite(value));
  // A little air, so that no mark sits on the edge.
  const down = Math.floor(Math.log2(Math.min(1, ...inside)) - 0.15);
  const up = Math.ceil(Math.log2(Math.max(1, ...inside)) + 0.15);
  return logAxis(2, Math.max(-8, Math.min(-1, down)), Math.min(8, Math.max(1, up)), 8);
}

/** An axis for sizes or times: whole decades as ticks, thinned to what fits. */
export function decadeAxis(values: readonly number[], most = 6): Axis {
  const inside = values.filter((value) => value > 0 && Number.isFinite(value));
  const low = Math.floor(Math.log10(Math.min(...(inside.length > 0 ? inside : [1]))) + 1e-9);
  const high = Math.ceil(Math.log10(Math.max(...(inside.length > 0 ? inside : [1]))) - 1e-9);
  return logAxis(10, low, Math.max(low + 1, high), most);
}

/** A linear axis with round ticks. */
export function linearAxis(values: readonly number[], most = 6): Axis {
  const least = Math.min(...values);
  const span = Math.max(...values) - least || 1;
  const rough = span / most;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((one) => one >= rough) ?? rough;
  const low = Math.floor(least / step + 1e-9) * step;
  const high = Math.ceil((least + span) / step - 1e-9) * step;
  // + 0: a lower end of −0 would be written with its sign.
  return {
    low: low + 0,
    high: high + 0,
    step,
    at: (value) => value,
    value: (at) => Number(at.toPrecision(12)),
  };
}

/** Ticks at whole powers of `base`, every second or third where there are more than `most`, and always at 1 where it is inside. */
function logAxis(base: number, from: number, to: number, most: number): Axis {
  const step = Math.ceil((to - from) / most);
  // Ends on multiples of the step: then 1, whose logarithm is 0, is a tick.
  const low = Math.floor(from / step) * step;
  const high = Math.ceil(to / step) * step;
  const scale = Math.log(base);
  const at = (value: number) => (value > 0 ? Math.min(high, Math.max(low, Math.log(value) / scale)) : low);
  return { low, high, step, at, value: (position) => base ** position };
}
