/** How long answers are expected to be, learned from those that came. */

/** Before the first answer, where nothing bounds it. A choice: some paragraphs. */
const firstGuess = 256;

/** As TCP smooths what it measures (RFC 6298, section 2): a mean that follows slowly, a deviation that follows faster. */
const meanGain = 1 / 8;
const deviationGain = 1 / 4;

export class Expectation {
  #mean: number | undefined;
  #deviation = 0;

  /**
   * Tokens of the next answer: the mean and one mean deviation, so that more answers stay below than go above; never more
   * than `ceiling`. Before anything is learned, the ceiling.
   */
  of(ceiling: number | undefined): number {
    const learned = this.#mean === undefined ? undefined : Math.ceil(this.#mean + this.#deviation);
    if (learned === undefined) return ceiling ?? firstGuess;
    return Math.min(learned, ceiling ?? learned);
  }

  observe(tokens: number): void {
    if (this.#mean === undefined) {
      this.#mean = tokens;
      return;
    }
    this.#deviation += deviationGain * (Math.abs(tokens - this.#mean) - this.#deviation);
    this.#mean += meanGain * (tokens - this.#mean);
  }
}
