/**
 * What each kind of token costs, under names that the price table, the config and other people's tables are all read into:
 * flat, so that every source can leave out what it does not know. Amounts are USD per 1M tokens.
 */

/**
 * `cache_write_<ttl>` is the price of entries of that life (`cache_write_1h`). `reasoning` is what the whole output costs
 * where the model reasoned, which is how the vendors that price it apart count it.
 */
export type RateName =
  | "input"
  | "output"
  | "cache_read"
  | "cache_write"
  | `cache_write_${string}`
  | "audio_input"
  | "audio_output"
  | "reasoning";

/** Absent: the source does not say. 0: free. */
export type Rates = { readonly [Name in RateName]?: number };

/** Rates of which the two that every price needs are known. */
export type FullRates = Rates & { readonly input: number; readonly output: number };

/**
 * Other rates under a condition, as multiples of the usual ones; a name that is left out has the multiple of the input or
 * the output that it belongs to. List prices and factors are the same this way.
 */
export type Multiples = Rates;

/** `base` under a change. */
export function multiplied(base: FullRates, by: Multiples): FullRates {
  const rates: Record<string, number> = {};
  for (const name of rateNames({ ...base, ...by }))
    rates[name] = tidy(rateOf(base, name) * (by[name] ?? by[sideOf(name)] ?? 1));
  return { ...rates, input: rates["input"] ?? 0, output: rates["output"] ?? 0 }; // base has both
}

/** What `rates` are as multiples of `base`. Of what is free there is no multiple. */
export function multiplesOf(rates: Rates, base: FullRates): Multiples {
  const multiples: Record<string, number> = {};
  for (const name of rateNames(rates)) {
    const usual = rateOf(base, name);
    if (usual > 0) multiples[name] = (rates[name] ?? 0) / usual;
  }
  return multiples;
}

/**
 * `given`, and what it leaves out from `listed` in proportion: where the input is a fifth cheaper than listed, so are reads
 * from its cache.
 */
export function completed(given: Rates, listed: FullRates): FullRates {
  const { input = listed.input, output = listed.output } = given;
  return { ...multiplied(listed, multiplesOf({ input, output }, listed)), ...given, input, output };
}

/** The names that have a value. */
export function rateNames(rates: Rates): readonly RateName[] {
  return Object.keys(rates) as RateName[]; // the type has no other keys
}

/** A rate that is not known is that of its side. */
function rateOf(rates: FullRates, name: RateName): number {
  return rates[name] ?? rates[sideOf(name)];
}

function sideOf(name: RateName): "input" | "output" {
  return name === "output" || name === "reasoning" || name === "audio_output" ? "output" : "input";
}

/**
 * Rounded to a millionth of a pico-USD per token, so that 3 × 1.1 is 3.3 and not 3.3000000000000003. Nobody's price list
 * is as fine as that.
 */
function tidy(usdPerMillion: number): number {
  return Math.round(usdPerMillion * 1e12) / 1e12;
}
