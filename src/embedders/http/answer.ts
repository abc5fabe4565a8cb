/** Readers of answers, for dialects: what they throw says what is wrong and quotes nothing. */

/** The parser's own message quotes the body, which may repeat the text that was sent. */
export function parseAnswer(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new Error(`the answer is not JSON (${body.length} characters)`);
  }
}

/** Throws unless there are as many embeddings as texts. The engine does so too; earlier where order is read from indexes. */
export function requireNumber(found: number, expected: number): void {
  if (found !== expected) throw new Error(`${expected} texts were sent but ${found} embeddings came back`);
}

/** A vector written as a list of numbers; `place` is its index among the texts, for messages. */
export function readNumbers(value: unknown, place: number): Float32Array {
  if (!Array.isArray(value)) throw new Error(`embedding ${place} is not a list of numbers`);
  if (!value.every((number) => typeof number === "number")) {
    throw new Error(`embedding ${place} holds something else than numbers`);
  }
  return Float32Array.from(value);
}

/** A count of tokens; undefined when it is none. */
export function readCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
