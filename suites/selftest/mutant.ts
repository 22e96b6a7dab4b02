// Type of a mutant: one deliberate fault, how it is put in and taken out.

/** Takes a fault out again. */
export type Undo = () => void;

/** One deliberate fault at the boundary of the engine's primitives, and where it must show. */
export interface Mutant {
  readonly name: string;
  /** What is wrong while it is in. */
  readonly doc: string;
  /** What it breaks: families of the addon, `backward` (nodes of the tape), `ops` (the registry). */
  readonly families: readonly string[];
  /** Globs of recorded cases that validate replays and gradcheck differentiates. */
  readonly cases: readonly string[];
  /** Whether gradcheck is asked too; default: no. */
  readonly gradients?: boolean;
  /** Globs of notebook cells. */
  readonly cells?: readonly string[];
  /** Names of laws (laws.ts). */
  readonly laws?: readonly string[];
  /** Puts the fault in. */
  apply(): Undo;
}

/** Several faults as one; taken out in the opposite order. */
export function all(...undos: readonly Undo[]): Undo {
  return () => {
    for (const undo of [...undos].reverse()) undo();
  };
}

/** Replaces a function that an object holds, until it is undone. */
export function replaced<T extends object, K extends keyof T>(
  owner: T,
  key: K,
  wrap: (right: T[K]) => T[K],
): Undo {
  const before = Object.getOwnPropertyDescriptor(owner, key);
  if (before === undefined || !('value' in before))
    throw new TypeError(`there is no ${String(key)} to replace`);
  Object.defineProperty(owner, key, { ...before, value: wrap(before.value as T[K]) });
  return () => {
    Object.defineProperty(owner, key, before);
  };
}
