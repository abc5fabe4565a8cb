/** Lines that wait in memory, in the order they came. */
import type { EntryLine } from "./entry-line.ts";

export class LineQueue {
  #lines: EntryLine[] = [];
  /** Lines before it have been taken. */
  #head = 0;
  #length = 0;

  get size(): number {
    return this.#lines.length - this.#head;
  }

  /** UTF-16 units of JSON, which is what they take in memory, or half of it. */
  get length(): number {
    return this.#length;
  }

  push(line: EntryLine): void {
    this.#lines.push(line);
    this.#length += line.json.length;
  }

  /** The first ones: as many as that, of no more than this length in all, but one at least. */
  take(most: number, longest: number): readonly EntryLine[] {
    let end = this.#head;
    let length = 0;
    while (end < this.#lines.length && end - this.#head < most) {
      length += this.#lines[end]?.json.length ?? 0;
      if (length > longest && end > this.#head) break;
      end++;
    }
    const taken = this.#lines.slice(this.#head, end);
    this.#head = end;
    this.#length -= taken.reduce((sum, { json }) => sum + json.length, 0);
    // Taken lines are let go of once they are the larger part, so that each is moved once on average.
    if (this.#head * 2 > this.#lines.length) {
      this.#lines = this.#lines.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }

  /** What was taken in vain comes first again. */
  putBack(lines: readonly EntryLine[]): void {
    this.#lines = [...lines, ...this.#lines.slice(this.#head)];
    this.#head = 0;
    this.#length += lines.reduce((sum, { json }) => sum + json.length, 0);
  }
}
