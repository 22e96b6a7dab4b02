// Arguments of constructors: positional in PyTorch's order, or named in a trailing options object.
//   new SGD(params, 0.1, { momentum: 0.9 })  new SGD(params, { lr: 0.1, momentum: 0.9 })
import { ArgumentError, message } from '../core/errors.js';
import { isOptions, readOptions } from '../core/options.js';
import { pythonName } from './_python.js';

/** The calls that positional parameters P and options O allow. */
export type Call<P extends readonly unknown[], O> =
  | [options?: O]
  | (P extends readonly [infer H, ...infer R] ? [first: H, ...rest: Call<R, O>] : []);

/** What a call names, by our names. @throws ArgumentError for unknown names, too many arguments, what is given twice, and what is `needed` */
export function readCall<O extends object, R extends keyof O & string = never>(
  op: string,
  args: readonly unknown[],
  names: readonly (keyof O & string)[],
  needed: readonly R[] = [],
): Partial<O> & Required<Pick<O, R>> {
  const last = args[args.length - 1];
  const named = isOptions(last) ? readOptions<O>(op, last as O, names) : {};
  const positional = isOptions(last) ? args.slice(0, -1) : args;
  if (positional.length > names.length)
    throw new ArgumentError(message(op, `at most ${names.length} arguments`, `${positional.length}`));
  const found: Partial<Record<string, unknown>> = { ...named };
  positional.forEach((value, i) => {
    if (value === undefined) return;
    const name = names[i]!;
    if (name in named) throw new ArgumentError(`${op}() got multiple values for argument '${name}'`);
    found[name] = value;
  });
  for (const name in found) if (found[name] === undefined) delete found[name];
  for (const name of needed) {
    if (!(name in found)) throw new ArgumentError(`${op}() missing required argument: '${pythonName(name)}'`);
  }
  return found as Partial<O> & Required<Pick<O, R>>;
}
