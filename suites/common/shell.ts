// Owns the writing of words for a shell, so that a line can be copied and pasted. It runs nothing.

/** A word as a POSIX shell takes it: bare where that is safe, else in single quotes. */
export function quoted(word: string): string {
  return /^[\w./#@%+=:,-]+$/.test(word) && !word.startsWith('#')
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}
