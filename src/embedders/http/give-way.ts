/** What to ask less of when a vendor refuses, for dialects: which complaints are about length, which about number. */

/** No embedding model takes less; below it a complaint about length is about something else. */
export const leastTextBytes = 128;

const tooLong =
  /context length|max\w*[ _](?:\w+[ _])?(?:tokens|length|input)|too (?:long|large|many tokens)|\d+ tokens/i;

const tooMany =
  /batch|tokens per request|too many (?:inputs|texts|items|documents)|(?:number of|max\w*) (?:inputs|texts|items|documents)/i;

/** Whether a status says that the request itself is at fault, so that another one may be understood. */
export function isRequestRefused(status: number): boolean {
  return status === 400 || status === 413 || status === 422;
}

/**
 * A quarter of `bytesPerText` when `message` complains of a text's length and there is something to cut; otherwise
 * undefined. Models of 512 tokens take two such steps from the bounds of large ones.
 */
export function shorterTexts(bytesPerText: number, message: string): number | undefined {
  if (!tooLong.test(message) || bytesPerText <= leastTextBytes) return undefined;
  return Math.max(leastTextBytes, Math.floor(bytesPerText / 4));
}

/**
 * An eighth of `textsPerCall` when `message` complains of their number and there is more than one; otherwise
 * undefined. To be asked before `shorterTexts`: "too many tokens in batch" is a matter of number.
 */
export function fewerTexts(textsPerCall: number, message: string): number | undefined {
  if (!tooMany.test(message) || textsPerCall <= 1) return undefined;
  return Math.max(1, Math.floor(textsPerCall / 8));
}
