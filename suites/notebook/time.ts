// `timeBlock`, the notebook's `%%time`: user, system and wall time of a block.

/** Processor and wall time of a block, in milliseconds. */
export interface BlockTime<T = unknown> {
  /** Processor time in the program itself, all threads together. */
  readonly user: number;
  /** Processor time in the system on the program's behalf. */
  readonly sys: number;
  readonly total: number;
  readonly wall: number;
  readonly result: T;
  /** As the notebook prints it. */
  toString(): string;
}

/**
 * Runs a block once and times it, as `%%time` does. An async block is awaited: what it starts counts until it has ended.
 *
 * @example console.log(String(timeBlock(() => randn([100, 100]).matmul(randn([100, 100])))));
 */
export function timeBlock<T>(block: () => Promise<T>): Promise<BlockTime<T>>;
export function timeBlock<T>(block: () => T): BlockTime<T>;
export function timeBlock<T>(block: () => T | Promise<T>): BlockTime<T> | Promise<BlockTime<T>> {
  const usage = process.cpuUsage();
  const start = process.hrtime.bigint();
  const stop = (result: T): BlockTime<T> => {
    const wall = Number(process.hrtime.bigint() - start) / 1e6;
    const spent = process.cpuUsage(usage);
    return describe(spent.user / 1e3, spent.system / 1e3, wall, result);
  };
  const result = block();
  return result instanceof Promise ? result.then(stop) : stop(result);
}

function describe<T>(user: number, sys: number, wall: number, result: T): BlockTime<T> {
  const total = user + sys;
  const text = `CPU times: user ${showTime(user)}, sys: ${showTime(sys)}, total: ${showTime(total)}\nWall time: ${showTime(wall)}`;
  return { user, sys, total, wall, result, toString: () => text };
}

const UNITS = [
  [1000, 's'],
  [1, 'ms'],
  [1e-3, 'µs'],
  [1e-6, 'ns'],
] as const;

/** A time with three digits, in IPython's manner: `152 ms`, `1min 42s`, `4min 11s`. */
export function showTime(ms: number): string {
  if (ms >= 60_000) {
    const seconds = Math.round(ms / 1000);
    const parts = [
      [Math.floor(seconds / 3600), 'h'],
      [Math.floor(seconds / 60) % 60, 'min'],
      [seconds % 60, 's'],
    ] as const;
    return parts
      .filter(([count]) => count > 0)
      .map(([count, unit]) => `${count}${unit}`)
      .join(' ');
  }
  const [scale, unit] = UNITS.find(([one]) => ms >= one) ?? [1e-6, 'ns'];
  return `${Number((ms / scale).toPrecision(3))} ${unit}`;
}
