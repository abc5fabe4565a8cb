/**
 * A tokenizer by rule instead of by table. Measured against o200k_base: English prose and code within 5 %, German and
 * Russian within 10 %, Chinese 16 % too low, base64 and other random text 17 % too low.
 */

/** A word of up to 12 letters is one token, a longer one several; digits go in threes; a space belongs to its word. */
const tokenPattern = new RegExp(
  [
    " ?[A-Za-z]{1,12}",
    " ?[\\p{Script=Latin}\\p{M}]{1,5}",
    "\\p{N}{1,3}",
    " ?[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}]{1,2}",
    " ?\\p{L}{1,4}\\p{M}*",
    " ?[^\\s\\p{L}\\p{N}]{1,3}[\\r\\n]*",
    "\\s*[\\r\\n]+",
    "\\s+(?!\\S)",
    "[^]",
  ].join("|"),
  "gu",
);

/** Cuts a text into token-like pieces that join to the same text; no piece splits a character. */
export function splitTokens(text: string): string[] {
  return text.match(tokenPattern) ?? [];
}

/** The number of tokens a vendor would roughly count. */
export function countTokens(text: string): number {
  return splitTokens(text).length;
}

/** Pieces as a stream sends them: one, two or three at a time, in turn. */
export function* groupTokens(
  pieces: readonly string[],
): Generator<{ readonly text: string; readonly tokens: number }> {
  let from = 0;
  for (let size = 1; from < pieces.length; size = (size % 3) + 1) {
    const group = pieces.slice(from, from + size);
    yield { text: group.join(""), tokens: group.length };
    from += group.length;
  }
}
