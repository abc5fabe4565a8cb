/** What somebody has said of a target by hand: out, until he says otherwise or an active check finds it well. */
import type { Heard, Row } from "../balancer/balancer.ts";

/** What is remembered across reloads. */
export interface MarkRecord {
  isOut: boolean;
  /** When that was said, by our clock; 0: never. */
  at: number;
}

export function createMarkRecord(): MarkRecord {
  return { isOut: false, at: 0 };
}

/** Numbers that a mark tells. */
export const markLength = 2;

export class ManualMark {
  readonly #record: MarkRecord;
  readonly #now: () => number;

  /** `now`: milliseconds, monotonic. */
  constructor(record: MarkRecord, now: () => number) {
    this.#record = record;
    this.#now = now;
  }

  get isOut(): boolean {
    return this.#record.isOut;
  }

  set(isOut: boolean): void {
    this.#record.isOut = isOut;
    this.#record.at = this.#now();
  }

  tell(): Row {
    const { at, isOut } = this.#record;
    return [at, Number(isOut)];
  }

  /**
   * The last word of all processes holds: whoever takes a worker's place learns of it too. True where that changes ours. One
   * that says the same as ours changes not even its time, so that a word does not get younger by being passed on.
   */
  hear(heard: readonly Heard[]): boolean {
    const record = this.#record;
    const words = heard.map(wordOf).filter(({ at }) => at > record.at);
    const last = words.reduce((newest, word) => (word.at > newest.at ? word : newest), record);
    if (last.isOut === record.isOut) return false;
    record.isOut = last.isOut;
    record.at = last.at;
    return true;
  }
}

function wordOf({ clockOffsetMs, row: [at = 0, isOut = 0] }: Heard): MarkRecord {
  return at === 0 ? createMarkRecord() : { at: at + clockOffsetMs, isOut: isOut === 1 };
}
