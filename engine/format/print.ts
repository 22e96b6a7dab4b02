// Text of a tensor: PyTorch's str(tensor) to the character, and the print options. It reads tensors through Printable.

import { ArgumentError, describe, message, ValueError } from '../core/errors.js';
import { readOptions } from '../core/options.js';
import { formatExponent, formatFixed } from './print-number.js';

/** What printing needs to know of a tensor. */
export interface Printable {
  readonly shape: readonly number[];
  /** Torchstone's dtype name: `float32`, `int64`, `bool`, … */
  readonly dtype: string;
  /** Reads one element by its coordinates; a complex one as `[re, im]`. */
  readonly at: (index: readonly number[]) => Element;
  readonly requiresGrad: boolean;
  /** Name of the autograd node, without brackets: `AddBackward0`. */
  readonly gradFn?: string | undefined;
  /** `cpu` (the default, not printed) or `cuda:0`. */
  readonly device?: string | undefined;
}

/** One element: a real number, an integer, a truth value, or a complex number's two parts. */
export type Element = Real | readonly [number, number];
type Real = number | bigint | boolean;

/** Options of {@link setPrintOptions}; what is left out stays as it is, except `sciMode`. */
export interface PrintOptions {
  /** Digits after the point (PyTorch's default: 4). */
  readonly precision?: number;
  /** Tensors of more elements are summarised (1000). `Infinity`: never. */
  readonly threshold?: number;
  /** Items shown at both ends of a summarised dimension (3). */
  readonly edgeitems?: number;
  /** Characters a line may have (80). */
  readonly linewidth?: number;
  /** A set of defaults, which the other options override. */
  readonly profile?: 'default' | 'short' | 'full';
  /** Always (true), never (false) or where it helps (null, the default) write exponents. */
  readonly sciMode?: boolean | null;
}

interface Settings {
  readonly precision: number;
  readonly threshold: number;
  readonly edgeitems: number;
  readonly linewidth: number;
  readonly sciMode: boolean | null;
}

const DEFAULTS: Settings = { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80, sciMode: null };
const PROFILES: Readonly<Record<'default' | 'short' | 'full', Settings>> = {
  default: DEFAULTS,
  short: { ...DEFAULTS, precision: 2, edgeitems: 2 },
  full: { ...DEFAULTS, threshold: Number.POSITIVE_INFINITY },
};

let current: Settings = DEFAULTS;

/**
 * Sets how tensors print from now on, as torch.set_printoptions does. As there, leaving `sciMode` out puts it
 * back to automatic. Throws a ValueError on a value that cannot be honoured, and then changes nothing.
 */
export function setPrintOptions(given: PrintOptions): void {
  const options: PrintOptions = readOptions('setPrintOptions', given, [
    'profile',
    'precision',
    'threshold',
    'edgeitems',
    'linewidth',
    'sciMode',
  ]);
  const profile = options.profile;
  if (profile !== undefined && !Object.hasOwn(PROFILES, profile)) {
    throw new ValueError(
      message('setPrintOptions', "profile 'default', 'short' or 'full'", describe(profile)),
    );
  }
  const base = profile === undefined ? current : PROFILES[profile];
  const next: Settings = {
    precision: options.precision ?? base.precision,
    threshold: options.threshold ?? base.threshold,
    edgeitems: options.edgeitems ?? base.edgeitems,
    linewidth: options.linewidth ?? base.linewidth,
    sciMode: options.sciMode ?? null,
  };
  // JavaScript's number formatting ends at 100 digits.
  requireInteger('precision', next.precision, 100);
  requireInteger('edgeitems', next.edgeitems, Number.MAX_SAFE_INTEGER);
  requireInteger('linewidth', next.linewidth, Number.MAX_SAFE_INTEGER);
  if (!(next.threshold >= 0)) {
    throw new ValueError(message('setPrintOptions', 'threshold >= 0', describe(next.threshold)));
  }
  current = next;
}

/** The options in force, fit to be given back to {@link setPrintOptions}. */
export function getPrintOptions(): Readonly<Required<Omit<PrintOptions, 'profile'>>> {
  return { ...current };
}

function requireInteger(name: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new ValueError(message('setPrintOptions', `${name} an integer from 0 to ${most}`, describe(value)));
  }
}

/** A shape as PyTorch prints one: `torch.Size([3, 2])`. */
export function formatSize(shape: readonly number[]): string {
  return `torch.Size([${shape.join(', ')}])`;
}

/** The text PyTorch prints for this tensor. `defaultDtype` is the one torch.set_default_dtype would have set. */
export function formatTensor(t: Printable, defaultDtype = 'float32'): string {
  const settings = current;
  const prefix = 'tensor(';
  const body = prefix + contents(t, prefix.length, settings);
  return `${withSuffixes(body, suffixes(t, settings, defaultDtype), prefix.length, settings.linewidth)})`;
}

function contents(t: Printable, indent: number, settings: Settings): string {
  const count = t.shape.reduce((product, size) => product * size, 1);
  if (count === 0) return '[]';
  const { threshold, edgeitems, linewidth } = settings;
  const edge = count > threshold ? edgeitems : Number.POSITIVE_INFINITY;
  const values = [...shown(t, edge)];
  const formatter = elementFormatter(t.dtype, values, settings);
  const page = {
    shape: t.shape,
    edge,
    linewidth,
    texts: values.map(formatter.format),
    width: formatter.width,
  };
  return renderer(page)(0, indent);
}

/** The elements that appear in the text, in order: all, or the corners of a summarised tensor. */
function* shown(t: Printable, edge: number, index: readonly number[] = []): Generator<Element> {
  const size = t.shape[index.length];
  if (size === undefined) {
    yield t.at(index);
    return;
  }
  for (let i = 0; i < size; i++) {
    if (i === edge && size > 2 * edge) i = size - edge;
    if (i < size) yield* shown(t, edge, [...index, i]);
  }
}

interface Page {
  readonly shape: readonly number[];
  /** Items kept at each end of a dimension that is longer than two of these. */
  readonly edge: number;
  readonly linewidth: number;
  /** The shown elements' texts, in order. */
  readonly texts: readonly string[];
  readonly width: number;
}

/** A function that lays out dimension `depth` at `indent`; it takes the texts one after the other. */
function renderer(page: Page): (depth: number, indent: number) => string {
  const { shape, edge, texts } = page;
  let next = 0;
  const take = (): string => texts[next++] ?? '';
  const render = (depth: number, indent: number): string => {
    const size = shape[depth];
    if (size === undefined) return take();
    const elided = size > 2 * edge;
    const count = elided ? 2 * edge : size;
    const innermost = depth === shape.length - 1;
    const dots = innermost && edge > 0 ? ' ...' : '...';
    const parts: string[] = [];
    for (let i = 0; i <= count; i++) {
      if (elided && i === edge) parts.push(dots);
      if (i < count) parts.push(innermost ? take() : render(depth + 1, indent + 1));
    }
    const margin = ' '.repeat(indent + 1);
    if (innermost) return `[${wrap(parts, page.width, page.linewidth - indent).join(`,\n${margin}`)}]`;
    return `[${parts.join(`,${'\n'.repeat(shape.length - depth - 1)}${margin}`)}]`;
  };
  return render;
}

/** Joins the parts into lines of `room` characters, counting every part as wide as the widest, with its comma. */
function wrap(parts: readonly string[], width: number, room: number): string[] {
  const perLine = Math.max(1, Math.floor(room / (width + 2)));
  const lines: string[] = [];
  for (let i = 0; i < parts.length; i += perLine) lines.push(parts.slice(i, i + perLine).join(', '));
  return lines;
}

interface Formatter<T> {
  readonly width: number;
  readonly format: (value: T) => string;
}

function elementFormatter(dtype: string, values: readonly Element[], settings: Settings): Formatter<Element> {
  if (!dtype.startsWith('complex')) {
    const real = dtype.includes('float') ? floatFormatter : integerFormatter;
    const { width, format } = real(values.map(asReal), settings);
    return { width, format: (value) => format(asReal(value)) };
  }
  // Both parts are formatted by their own kind, each as if it were a real tensor.
  const re = floatFormatter(
    values.map((value) => asPair(value)[0]),
    settings,
  );
  const im = floatFormatter(
    values.map((value) => asPair(value)[1]),
    settings,
  );
  const format = (value: Element): string => {
    const imaginary = `${im.format(asPair(value)[1]).trimStart()}j`;
    return re.format(asPair(value)[0]) + (imaginary.startsWith('-') ? '' : '+') + imaginary;
  };
  return { width: re.width + im.width + 1, format };
}

function asReal(value: Element): Real {
  if (typeof value === 'object') throw new ArgumentError(message('print', 'a real element', describe(value)));
  return value;
}

function asPair(value: Element): readonly [number, number] {
  if (typeof value !== 'object')
    throw new ArgumentError(message('print', 'a complex element', describe(value)));
  return value;
}

function integerFormatter(values: readonly Real[]): Formatter<Real> {
  const width = values.reduce((most: number, value) => Math.max(most, integerText(value).length), 1);
  return { width, format: (value) => integerText(value).padStart(width) };
}

function integerText(value: Real): string {
  return typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value);
}

/** The width and the notation are decided by the finite values other than zero, as in torch/_tensor_str.py. */
function floatFormatter(values: readonly Real[], settings: Settings): Formatter<Real> {
  const { precision } = settings;
  const decisive = values.map(Number).filter((value) => Number.isFinite(value) && value !== 0);
  const whole = decisive.every(Number.isInteger);
  const exponents = decisive.length > 0 && (settings.sciMode ?? wantsExponents(decisive));
  const text = (value: number): string => {
    if (exponents) return formatExponent(value, precision);
    if (!whole) return formatFixed(value, precision);
    // The point shows that whole numbers are floats. nan and inf show it by themselves.
    return formatFixed(value, 0) + (Number.isFinite(value) ? '.' : '');
  };
  const width = decisive.reduce((most, value) => Math.max(most, text(value).length), 1);
  return { width, format: (value) => text(Number(value)).padStart(width) };
}

function wantsExponents(decisive: readonly number[]): boolean {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const value of decisive) {
    least = Math.min(least, Math.abs(value));
    most = Math.max(most, Math.abs(value));
  }
  return most / least > 1000 || most > 1e8 || least < 1e-4;
}

function suffixes(t: Printable, settings: Settings, defaultDtype: string): string[] {
  const found: string[] = [];
  const empty = t.shape.includes(0);
  if (t.device !== undefined && t.device !== 'cpu') found.push(`device='${t.device}'`);
  // The brackets of `[]` tell a shape only if it is (0,); with no edge items there are no brackets to count.
  if (empty ? t.shape.length !== 1 : settings.edgeitems === 0) found.push(`size=${tuple(t.shape)}`);
  if (!isEvident(t.dtype, empty, defaultDtype)) found.push(`dtype=torch.${t.dtype}`);
  if (t.gradFn !== undefined) found.push(`grad_fn=<${t.gradFn}>`);
  else if (t.requiresGrad) found.push('requires_grad=True');
  return found;
}

/** Whether the elements' looks tell the dtype. Without elements only the default dtype goes unsaid. */
function isEvident(dtype: string, empty: boolean, defaultDtype: string): boolean {
  if (dtype === defaultDtype) return true;
  if (empty) return false;
  return (
    dtype === 'int64' ||
    dtype === 'bool' ||
    dtype === (defaultDtype === 'float64' ? 'complex128' : 'complex64')
  );
}

function tuple(shape: readonly number[]): string {
  return `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
}

function withSuffixes(body: string, parts: readonly string[], indent: number, linewidth: number): string {
  let text = body;
  // Two more than the last line has. PyTorch counts so, and it decides where the suffixes wrap.
  let length = body.length - body.lastIndexOf('\n') + 1;
  for (const part of parts) {
    const wraps = length + part.length + 2 > linewidth;
    text += (wraps ? `,\n${' '.repeat(indent)}` : ', ') + part;
    length = wraps ? indent + part.length : length + part.length + 2;
  }
  return text;
}
