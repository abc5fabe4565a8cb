/** What somebody has said of a target by hand: out, until he says otherwise or an active check finds it well. */
import type { Heard, Row } from "../balancer/balancer.ts";

/** What is remembered across reloads. */
export interface MarkRecord {
  isOut: boolean;
  /**
   * How many words came before, as far as is known here: a Lamport clock, since a word that takes long on its way from another
   * process would seem younger than it is by any clock that tells the time. 0: nothing was ever said.
   */
  count: number;
}

export function createMarkRecord(): MarkRecord {
  return { isOut: false, count: 0 };
}

/** Numbers that a mark tells. */
export const markLength = 2;

export class ManualMark {
  readonly #record: MarkRecord;

  constructor(record: MarkRecord) {
    this.#record = record;
  }

  get isOut(): boolean {
    return this.#record.isOut;
  }

  set(isOut: boolean): void {
    this.#record.isOut = isOut;
    this.#record.count++;
  }

  tell(): Row {
    const { count, isOut } = this.#record;
    return [count, Number(isOut)];
  }

  /**
   * The last word of all processes holds, and of two at the same time the one that is careful: whoever takes a worker's place
   * learns of it too. True where that changes ours.
   */
  hear(heard: readonly Heard[]): boolean {
    const record = this.#record;
    const wasOut = record.isOut;
    for (const { row } of heard) {
      const [count = 0, told = 0] = row;
      const isOut = told === 1;
      if (count > record.count) Object.assign(record, { count, isOut });
      else if (count === record.count && isOut) record.isOut = true;
    }
    return record.isOut !== wasOut;
  }
}
