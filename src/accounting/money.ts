/**
 * Money as whole numbers. The unit is the pico-USD (1e-12 USD): a price per 1M tokens with up to six decimals is a whole
 * number of them per token, so that most costs are exact and no cost is off by more than half of one. 10,000 exchanges
 * are then off by no more than 5e-9 USD together, and sums of whole numbers are the same in every order.
 *
 * An amount is settled once, when an exchange's cost is worked out; from there on it is only added. One amount is a safe
 * `number` up to 9,007 USD; sums are `bigint`, or a 64-bit integer in a database (up to 9.2 million USD).
 */

export const picoPerUsd = 1e12;

/** Whole pico-USD, rounded half up. Throws `RangeError` for what is no amount or too much for one exchange. */
export function toPicoUsd(usd: number): number {
  const pico = Math.round(usd * picoPerUsd);
  if (!Number.isSafeInteger(pico)) throw new RangeError(`${usd} USD is no amount that can be counted`);
  return pico;
}

/** The nearest `number` to whole pico-USD; `toPicoUsd` gives them back up to some 2,000 USD. */
export function toUsd(pico: number | bigint): number {
  return Number(pico) / picoPerUsd;
}

/** Exact, whatever the order. Throws `RangeError` for an amount that is not whole. */
export function sumPicoUsd(amounts: Iterable<number>): bigint {
  let total = 0n;
  for (const amount of amounts) total += BigInt(amount);
  return total;
}
