/** The price of one model, compiled: everything that does not depend on the exchange is worked out once per target. */
import type { Usage } from "../llm/usage.ts";
import { type FullRates, type Multiples, multiplied, rateNames } from "./rates.ts";

/** A price as sources state it: base rates, and what changes them. */
export interface PriceTerms {
  readonly rates: FullRates;
  /** Other rates for long inputs. */
  readonly context: readonly ContextTerm[];
  /** Other rates for service tiers. */
  readonly tiers: readonly TierTerm[];
}

export interface ContextTerm {
  /** Holds where the input has more tokens than this. */
  readonly above: number;
  readonly change: Multiples;
}

export interface TierTerm {
  /** Looked for in the tier the vendor reports, letter case ignored. */
  readonly word: string;
  readonly change: Multiples;
  /** Multiples of the tier's own rates; left out, those of `PriceTerms`. */
  readonly context?: readonly ContextTerm[];
}

/** Frozen. */
export interface Price {
  /** USD per 1M tokens, without what changes them. */
  readonly rates: FullRates;
  readonly standard: Schedule;
  /** Longest word first. */
  readonly tiers: readonly { readonly word: string; readonly schedule: Schedule }[];
}

/** Rates by the length of the input, longest first; the last holds for all. */
export type Schedule = readonly Step[];

export interface Step {
  /** Tokens; -1 in the last. */
  readonly above: number;
  readonly perToken: TokenRates;
}

/** Pico-USD per token, of everything that can be counted; see `money.ts` for the unit. */
export interface TokenRates {
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly cacheWriteByTtl: Readonly<Record<string, number>>;
  readonly audioInput: number;
  readonly output: number;
  readonly reasoning: number;
  readonly audioOutput: number;
}

export function compilePrice({ rates, context, tiers }: PriceTerms): Price {
  return Object.freeze({
    rates: Object.freeze({ ...rates }),
    standard: compileSchedule(rates, context),
    tiers: Object.freeze(
      tiers
        .map((tier) => ({
          word: tier.word.toLowerCase(),
          schedule: compileSchedule(multiplied(rates, tier.change), tier.context ?? context),
        }))
        .sort((a, b) => b.word.length - a.word.length),
    ),
  });
}

/** The rates for what was used: by the tier with the longest word in it, then by the longest step below the input. */
export function ratesFor(price: Price, { inputTokens, serviceTier }: Usage): TokenRates {
  const schedule =
    serviceTier === undefined || price.tiers.length === 0 ? price.standard : tierOf(price, serviceTier);
  let at = 0;
  while (at < schedule.length - 1 && inputTokens <= (schedule[at]?.above ?? 0)) at++;
  return (schedule[at] as Step).perToken; // a schedule has a last step
}

function tierOf(price: Price, serviceTier: string): Schedule {
  const reported = serviceTier.toLowerCase();
  return price.tiers.find(({ word }) => reported.includes(word))?.schedule ?? price.standard;
}

function compileSchedule(base: FullRates, context: readonly ContextTerm[]): Schedule {
  const steps = context.map(({ above, change }) => compileStep(above, multiplied(base, change)));
  return Object.freeze([...steps.sort((a, b) => b.above - a.above), compileStep(-1, base)]);
}

const writeOfLife = /^cache_write_(.+)$/;

function compileStep(above: number, rates: FullRates): Step {
  const input = perToken(rates.input);
  const output = perToken(rates.output);
  const cacheWriteByTtl: Record<string, number> = {};
  for (const name of rateNames(rates)) {
    const ttl = writeOfLife.exec(name)?.[1];
    const rate = rates[name];
    if (ttl !== undefined && rate !== undefined) cacheWriteByTtl[ttl] = perToken(rate);
  }
  return Object.freeze({
    above,
    perToken: Object.freeze({
      input,
      cacheRead: perToken(rates.cache_read) ?? input,
      cacheWrite: perToken(rates.cache_write) ?? input,
      cacheWriteByTtl: Object.freeze(cacheWriteByTtl),
      audioInput: perToken(rates.audio_input) ?? input,
      output,
      reasoning: perToken(rates.reasoning) ?? output,
      audioOutput: perToken(rates.audio_output) ?? output,
    }),
  });
}

/** USD per 1M tokens are millionths of a USD per token, and those are millions of pico-USD. */
function perToken(usdPerMillion: number): number;
function perToken(usdPerMillion: number | undefined): number | undefined;
function perToken(usdPerMillion: number | undefined): number | undefined {
  return usdPerMillion === undefined ? undefined : Math.round(usdPerMillion * 1e12) / 1e6;
}
