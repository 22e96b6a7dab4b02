// Shell quoting, so that a printed command can be pasted.

/** A word as a POSIX shell takes it: bare where that is safe, else in single quotes. */
export function quoted(word: string): string {
  return /^[\w./#@%+=:,-]+$/.test(word) && !word.startsWith('#')
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}
