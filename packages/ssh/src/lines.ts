import { StringDecoder } from 'node:string_decoder';

/** Longest line that is handed on, in characters. What is longer is cut, so that a remote program cannot fill the memory. */
export const MAX_LINE = 1024 * 1024;

/** Splits a byte stream into lines of UTF-8 text, without their line ends. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #emit: (line: string) => void;
  #rest = '';
  #overlong = false;

  constructor(emit: (line: string) => void) {
    this.#emit = emit;
  }

  push(chunk: Buffer): void {
    const parts = this.#decoder.write(chunk).split('\n');
    const last = parts.pop() ?? '';
    for (const part of parts) {
      this.#add(part);
      this.#flush();
    }
    this.#add(last);
  }

  /** Hands on what is left without a final line end. */
  end(): void {
    this.#add(this.#decoder.end());
    if (this.#rest !== '') this.#flush();
  }

  #add(text: string): void {
    if (this.#overlong) return;
    this.#rest += text;
    if (this.#rest.length > MAX_LINE) {
      this.#rest = this.#rest.slice(0, MAX_LINE);
      this.#overlong = true;
    }
  }

  #flush(): void {
    const line = this.#rest.endsWith('\r') ? this.#rest.slice(0, -1) : this.#rest;
    this.#rest = '';
    this.#overlong = false;
    this.#emit(line);
  }
}

/** Keeps the last lines of a stream, at most `maxCharacters` of them in all. */
export class Tail {
  readonly #max: number;
  #lines: string[] = [];
  #size = 0;

  constructor(maxCharacters: number) {
    this.#max = maxCharacters;
  }

  push(line: string): void {
    const kept = line.slice(-this.#max);
    this.#lines.push(kept);
    this.#size += kept.length + 1;
    while (this.#size > this.#max && this.#lines.length > 1) this.#size -= (this.#lines.shift()?.length ?? 0) + 1;
  }

  toString(): string {
    return this.#lines.join('\n');
  }
}
