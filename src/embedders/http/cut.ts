/** Brings texts into calls that a vendor takes: cut, and split by number and bytes. */

interface CallBounds {
  readonly textsPerCall: number;
  readonly bytesPerCall: number;
  readonly bytesPerText: number;
}

/** The texts in order, each cut to `bytesPerText`, in as few calls as the bounds allow; a text is never left out. */
export function splitIntoCalls(texts: readonly string[], bounds: CallBounds): readonly (readonly string[])[] {
  const calls: string[][] = [];
  let bytes = 0;
  for (const text of texts) {
    const cut = truncateUtf8(text, bounds.bytesPerText);
    const size = Buffer.byteLength(cut);
    const current = calls.at(-1);
    const fits = bytes + size <= bounds.bytesPerCall;
    if (current !== undefined && fits && current.length < bounds.textsPerCall) {
      current.push(cut);
      bytes += size;
    } else {
      calls.push([cut]);
      bytes = size;
    }
  }
  return calls;
}

/** The longest beginning of at most `maxBytes` bytes of UTF-8 that ends between two characters. */
export function truncateUtf8(text: string, maxBytes: number): string {
  // No UTF-16 unit takes more than three bytes of UTF-8.
  if (text.length * 3 <= maxBytes) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}

/** Without white space around it, and without halves of surrogate pairs, which strict JSON parsers refuse. */
export function tidy(text: string): string {
  return text.trim().replace(/\p{Surrogate}/gu, "\ufffd");
}
