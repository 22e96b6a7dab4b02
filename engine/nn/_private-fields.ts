// Modules in #private fields, which no one but their class can see: found where they are called, or where a module seems empty.
import { message, RuntimeError } from '../core/errors.js';

/** A module as far as these checks must know it. */
interface Visible {
  name_(): string;
  ownModules(): readonly (readonly [string, Visible])[];
  ownParameters(): readonly unknown[];
}

/** The modules whose calls are running, outermost first. */
const running: Visible[] = [];
/** Modules that some caller reaches through properties, or that were called from outside. */
const reachable = new WeakSet<object>();
const privateNames = new WeakMap<object, readonly string[]>();

/** Notes that a module is called. @throws RuntimeError where it is hidden in a #private field of its caller */
export function enterCall(called: Visible): void {
  if (!reachable.has(called)) checkReachable(called);
  running.push(called);
}
/** Notes that the call of the innermost module has ended. */
export function leaveCall(): void {
  running.pop();
}

function checkReachable(called: Visible): void {
  const caller = running.at(-1);
  if (caller !== undefined && fieldsOf(caller).length > 0 && !running.some((m) => reaches(m, called)))
    throw hidden(caller, `a ${called.name_()} that no property of it leads to`);
  reachable.add(called);
}

function reaches(from: Visible, to: Visible): boolean {
  return from === to || from.ownModules().some(([, child]) => reaches(child, to));
}

/** @throws RuntimeError where a module has nothing to show but #private fields */
export function checkVisible(m: Visible): void {
  if (
    m.ownModules().length === 0 &&
    m.ownParameters().length === 0 &&
    fieldsOf(m).some((name) => name.includes('='))
  )
    throw hidden(m, 'no parameters and no modules that can be seen');
}

/** @throws RuntimeError for a module whose class has #private members, which no copy can have */
export function refuseHidden(op: string, m: Visible): void {
  const fields = fieldsOf(m).map((field) => field.replace('=', ''));
  if (fields.length === 0) return;
  const hint = `Make them public, or give ${m.name_()} a ${op} method of its own`;
  throw new RuntimeError(
    message(op, 'a module without #private members', `${m.name_()} with ${fields.join(', ')}`, hint),
  );
}

function hidden(m: Visible, got: string): RuntimeError {
  const fields = fieldsOf(m).map((field) => field.replace('=', ''));
  return new RuntimeError(
    message(
      m.name_(),
      'modules and parameters in public properties',
      got,
      `#private fields (${fields.join(', ')}) cannot be seen from outside their class: write ${fields[0]!.slice(1)} instead of ${fields[0]}`,
    ),
  );
}

/** The #private fields of a module's classes, read from their source; '=' behind those that hold something newly made. */
function fieldsOf(m: Visible): readonly string[] {
  const found: string[] = [];
  let at: unknown = Object.getPrototypeOf(m);
  // Up to Module itself, which has the rules of state dicts.
  while (typeof at === 'object' && at !== null && !Object.hasOwn(at, 'loadStateDict')) {
    found.push(...fieldsOfClass(at.constructor));
    at = Object.getPrototypeOf(at);
  }
  return found;
}

function fieldsOfClass(made: object): readonly string[] {
  let names = privateNames.get(made);
  if (names === undefined) {
    const source = Function.prototype.toString.call(made as () => void);
    const all = new Set(source.match(/(?<![\w$.])#[A-Za-z_$][\w$]*(?=\s*[=;(])/g) ?? []);
    names = [...all].map((name) =>
      new RegExp(`(this\\.)?${name.replaceAll('$', '\\$')}\\s*=\\s*new\\b`).test(source) ? `${name}=` : name,
    );
    privateNames.set(made, names);
  }
  return names;
}
