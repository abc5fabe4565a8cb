/** What tokens cost. */
import type { Usage } from "../llm/usage.ts";
import { toUsd } from "./money.ts";
import { type Price, ratesFor, type TokenRates } from "./price.ts";

/**
 * USD, exact to a pico-USD (see `money.ts`); undefined where the price is unknown, which is not free.
 *
 *     tier × ( context × ( plain·input + read·cache_read + Σ written·cache_write ) + context × answered·output ) / 1M
 *
 * Tokens read from and written to the prompt cache are part of the input and leave the plain rest; prices that are not
 * known are those of the input. Tier and context are in the rates already.
 */
export function costOf(usage: Usage, price: Price | undefined): number | undefined {
  return price === undefined ? undefined : toUsd(picoCostOf(usage, price));
}

/** The same in whole pico-USD, settled: what a ledger adds up. */
export function picoCostOf(usage: Usage, price: Price): number {
  const rates = ratesFor(price, usage);
  return Math.round(inputCost(usage, rates) + outputCost(usage, rates));
}

function inputCost(usage: Usage, rates: TokenRates): number {
  const read = usage.cachedInputTokens ?? 0;
  const written = usage.cacheWriteTokens ?? 0;
  // Sound may be cached as well, and is then counted as that.
  const fresh = Math.max(0, usage.inputTokens - read - written);
  const sound = Math.min(usage.audioInputTokens ?? 0, fresh);
  return (
    (fresh - sound) * rates.input +
    read * rates.cacheRead +
    (written === 0 ? 0 : writeCost(written, usage.cacheWriteTokensByTtl, rates)) +
    sound * rates.audioInput
  );
}

function writeCost(written: number, byTtl: Usage["cacheWriteTokensByTtl"], rates: TokenRates): number {
  let cost = 0;
  let rest = written;
  for (const ttl in byTtl) {
    const tokens = Math.min(byTtl[ttl] ?? 0, rest);
    cost += tokens * (rates.cacheWriteByTtl[ttl] ?? rates.cacheWrite);
    rest -= tokens;
  }
  return cost + rest * rates.cacheWrite;
}

function outputCost(usage: Usage, rates: TokenRates): number {
  const sound = Math.min(usage.audioOutputTokens ?? 0, usage.outputTokens);
  const rate = (usage.reasoningTokens ?? 0) > 0 ? rates.reasoning : rates.output;
  return (usage.outputTokens - sound) * rate + sound * rates.audioOutput;
}
