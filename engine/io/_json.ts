// JSON, strictly: a name twice in one object is an error, where JSON.parse keeps the last. Objects become Maps.
//   parseJson('{"a": 1}', refuse)  // Map { 'a' => 1 }
import type { Refusal } from './_file.js';

/** What a text may hold; a number is one that is written as digits alone. */
export type Json = string | number | boolean | null | Decimal | readonly Json[] | ReadonlyMap<string, Json>;

/** A number that is written with a sign, a point or an exponent. */
export class Decimal {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toJSON(): string {
    return this.text;
  }
}

/** Deeper texts are refused: none that is read here nests further. */
const MOST_DEPTH = 16;
/** The longest number, and more than the longest word. */
const MOST_DIGITS = 40;
const OTHER = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/;
const SPACES = [0x20, 0x09, 0x0a, 0x0d];

/** Parses a text. Errors name the place, counted in characters from 0. */
export function parseJson(text: string, refuse: Refusal): Json {
  return new Parser(text, refuse).whole();
}

class Parser {
  readonly #text: string;
  readonly #refuse: Refusal;
  #at = 0;

  constructor(text: string, refuse: Refusal) {
    this.#text = text;
    this.#refuse = refuse;
  }

  whole(): Json {
    const value = this.#value(0);
    this.#skip();
    if (this.#at < this.#text.length) throw this.#unexpected('the end of the JSON text');
    return value;
  }

  #value(depth: number): Json {
    if (depth > MOST_DEPTH)
      throw this.#refuse(`JSON of at most ${MOST_DEPTH} levels`, `more at character ${this.#at}`);
    this.#skip();
    const char = this.#text[this.#at];
    if (char === '{') return this.#object(depth);
    if (char === '[') return this.#list(depth);
    if (char === '"') return this.#string();
    const [word] = OTHER.exec(this.#text.slice(this.#at, this.#at + MOST_DIGITS)) ?? [];
    if (word === undefined) throw this.#unexpected('a JSON value');
    this.#at += word.length;
    return /^-|\d\D/.test(word) ? new Decimal(word) : (JSON.parse(word) as Json);
  }

  #object(depth: number): Json {
    const found = new Map<string, Json>();
    this.#at += 1;
    if (this.#takes('}')) return found;
    do {
      this.#skip();
      const at = this.#at;
      if (this.#text[at] !== '"') throw this.#unexpected('a name in quotes');
      const name = this.#string();
      if (found.has(name))
        throw this.#refuse('each name once', `${JSON.stringify(name)} again at character ${at}`);
      if (!this.#takes(':')) throw this.#unexpected("':'");
      found.set(name, this.#value(depth + 1));
    } while (this.#takes(','));
    if (!this.#takes('}')) throw this.#unexpected("',' or '}'");
    return found;
  }

  #list(depth: number): Json {
    const found: Json[] = [];
    this.#at += 1;
    if (this.#takes(']')) return found;
    do found.push(this.#value(depth + 1));
    while (this.#takes(','));
    if (!this.#takes(']')) throw this.#unexpected("',' or ']'");
    return found;
  }

  /** The quotes are found by hand: a regular expression would run out of stack on a long string. */
  #string(): string {
    const start = this.#at;
    let end = start;
    let slashes = 0;
    do {
      end = this.#text.indexOf('"', end + 1);
      if (end < 0) throw this.#unexpected('a whole JSON string');
      slashes = 0;
      while (this.#text[end - 1 - slashes] === '\\') slashes += 1;
    } while (slashes % 2 === 1);
    this.#at = end + 1;
    const value = this.#unquoted(start);
    if (/\p{Surrogate}/u.test(value))
      throw this.#refuse('well-formed text', `${JSON.stringify(value)} at character ${start}`);
    return value;
  }

  /** The value of the string between `start` and here. */
  #unquoted(start: number): string {
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      this.#at = start;
      throw this.#unexpected('a JSON string');
    }
  }

  #skip(): void {
    while (SPACES.includes(this.#text.charCodeAt(this.#at))) this.#at += 1;
  }

  /** Whether this sign comes next; it is passed over. */
  #takes(sign: string): boolean {
    this.#skip();
    if (this.#text[this.#at] !== sign) return false;
    this.#at += 1;
    return true;
  }

  #unexpected(wanted: string): Error {
    const rest = this.#text.slice(this.#at, this.#at + 20);
    const got = rest === '' ? 'the end' : JSON.stringify(rest);
    return this.#refuse(`${wanted} at character ${this.#at}`, got);
  }
}
