// Powers of hyperparameters, rounded once: in twice the precision of a number (Dekker, 1971). JavaScript's `**` is off by a unit in
// the last place now and then, and not the same one in compiled code.
//   power(0.9, 4) // 0.6561

/** An unevaluated sum of two numbers, the second below the first's last place. */
type Double = readonly [high: number, low: number];

const LN2: Double = [Math.LN2, 2.3190468138462996e-17];
/** Halvings before the series, and its terms. */
const HALVINGS = 8;
const TERMS = 9;
/** The last power of each base: all parameters of a group ask for the same one. */
const last = new Map<number, { readonly exponent: number; readonly value: number }>();
const MOST_BASES = 64;

/** base ** exponent. */
export function power(base: number, exponent: number): number {
  const found = last.get(base);
  if (found?.exponent === exponent) return found.value;
  const value = compute(base, exponent);
  if (last.size >= MOST_BASES) last.clear();
  last.set(base, { exponent, value });
  return value;
}

function compute(base: number, exponent: number): number {
  const near = base ** exponent;
  const ordinary = base > 0 && near > 1e-280 && near < 1e280 && exponent !== 0;
  if (!ordinary) return near;
  const [high, low] = exp(product(log(base), [exponent, 0]));
  return high + low;
}

/** By one step of Newton's from the number nearest to the logarithm. */
function log(x: number): Double {
  const near = Math.log(x);
  const [high, low] = product(exp([-near, 0]), [x, 0]);
  const off = high - 1 + low;
  return sum([near, 0], [off - (off * off) / 2, 0]);
}

function exp(x: Double): Double {
  const twos = Math.round(x[0] / LN2[0]);
  const [high, low] = sum(x, product(LN2, [-twos, 0]));
  const part: Double = [high / 2 ** HALVINGS, low / 2 ** HALVINGS];
  let series: Double = [1, 0];
  for (let k = TERMS; k >= 1; k--) series = sum([1, 0], product(series, quotient(part, k)));
  for (let i = 0; i < HALVINGS; i++) series = product(series, series);
  return [series[0] * 2 ** twos, series[1] * 2 ** twos];
}

function quotient([high, low]: Double, by: number): Double {
  const first = high / by;
  const [p, error] = product([first, 0], [by, 0]);
  return [first, (high - p - error + low) / by];
}

function sum([a, aLow]: Double, [b, bLow]: Double): Double {
  const high = a + b;
  const shift = high - a;
  const low = a - (high - shift) + (b - shift) + (aLow + bLow);
  const whole = high + low;
  return [whole, high - whole + low];
}

/** Dekker's product. */
function product([a, aLow]: Double, [b, bLow]: Double): Double {
  const high = a * b;
  const [a1, a2] = halves(a);
  const [b1, b2] = halves(b);
  const error = a1 * b1 - high + a1 * b2 + a2 * b1 + a2 * b2;
  const low = error + (a * bLow + aLow * b);
  const whole = high + low;
  return [whole, high - whole + low];
}

/** Veltkamp's split: two numbers of 26 bits. */
function halves(a: number): Double {
  const c = 134217729 * a;
  const high = c - (c - a);
  return [high, a - high];
}
