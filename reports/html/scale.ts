// Logarithmic axes: where a value lies and which ticks a reader wants. Pure numbers, no markup.

/** A logarithmic axis from `low` to `high`; `at` maps a value to 0..1 and keeps it inside. */
export interface LogAxis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** An axis for ratios: symmetric ticks around 1, never narrower than ½ to 2, cut at 1/256 and 256. */
export function ratioAxis(values: readonly number[]): LogAxis {
  const inside = values.filter((value) => value > 0 && Number.isFinite(value));
  // A little air, so that no mark sits on the edge.
  const down = Math.floor(Math.log2(Math.min(1, ...inside)) - 0.15);
  const up = Math.ceil(Math.log2(Math.max(1, ...inside)) + 0.15);
  const low = 2 ** Math.max(-8, Math.min(-1, down));
  const high = 2 ** Math.min(8, Math.max(1, up));
  const octaves = Math.log2(high / low);
  const stride = Math.ceil(octaves / 7);
  const ticks: number[] = [];
  for (let power = Math.ceil(Math.log2(low)); power <= Math.log2(high); power++) {
    if (power % stride === 0) ticks.push(2 ** power);
  }
  return logAxis(low, high, ticks);
}

/** An axis for sizes or times: whole decades as ticks, thinned to what fits. */
export function decadeAxis(values: readonly number[], most = 7): LogAxis {
  const low = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9));
  const stride = Math.ceil((high - low + 1) / most);
  const ticks: number[] = [];
  for (let power = low; power <= high; power += stride) ticks.push(10 ** power);
  return logAxis(10 ** low, 10 ** high, ticks);
}

/** A linear axis with round ticks. */
export function linearAxis(values: readonly number[], most = 6): LogAxis {
  const least = Math.min(...values);
  const span = Math.max(...values) - least || 1;
  const rough = span / most;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((one) => one >= rough) ?? rough;
  const low = Math.floor(least / step) * step;
  const high = Math.ceil((least + span) / step) * step;
  const ticks: number[] = [];
  for (let i = 0; low + i * step <= high + step / 1e6; i++)
    ticks.push(Number((low + i * step).toPrecision(12)));
  return { low, high, ticks, at: (value) => clamp((value - low) / (high - low)) };
}

function logAxis(low: number, high: number, ticks: readonly number[]): LogAxis {
  const span = Math.log(high / low);
  return { low, high, ticks, at: (value) => clamp(Math.log(value / low) / span) };
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
