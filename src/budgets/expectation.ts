/** How long answers are expected to be, learned from those that came. */

/** Before the first answer, where nothing bounds it. A choice: some paragraphs. */
const firstGuess = 256;

/** As TCP smooths what it measures (RFC 6298, section 2): a mean that follows slowly, a deviation that follows faster. */
const meanGain = 1 / 8;
const deviationGain = 1 / 4;

/**
 * Two things are learned: how many tokens answers have, and what share of their ceiling that is. The larger one counts, so
 * that long answers are not taken for short ones because many short ones came before. Of each the mean and one mean
 * deviation, so that more answers stay below than go above.
 */
export class Expectation {
  readonly #tokens = new Smoothed();
  readonly #share = new Smoothed();

  /** Tokens of the next answer, never more than `ceiling`. Before anything is learned, the ceiling. */
  of(ceiling: number | undefined): number {
    const tokens = this.#tokens.upper;
    if (ceiling === undefined) return Math.ceil(tokens ?? firstGuess);
    const share = this.#share.upper;
    return share === undefined
      ? ceiling
      : Math.min(ceiling, Math.ceil(Math.max(tokens ?? 0, share * ceiling)));
  }

  /** An answer with so many tokens has come; `ceiling`: it could have had no more. */
  observe(tokens: number, ceiling: number | undefined): void {
    this.#tokens.observe(tokens);
    if (ceiling !== undefined) this.#share.observe(Math.min(1, tokens / ceiling));
  }
}

class Smoothed {
  #mean: number | undefined;
  #deviation = 0;

  get upper(): number | undefined {
    return this.#mean === undefined ? undefined : this.#mean + this.#deviation;
  }

  observe(value: number): void {
    if (this.#mean === undefined) {
      this.#mean = value;
      return;
    }
    this.#deviation += deviationGain * (Math.abs(value - this.#mean) - this.#deviation);
    this.#mean += meanGain * (value - this.#mean);
  }
}
