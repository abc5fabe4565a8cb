/** Reading replies: bulk strings come as bytes, and pairs as a flat list (RESP2) or as a map (RESP3). */

/** The text of a string reply; undefined for anything else. */
export function textOf(reply: unknown): string | undefined {
  if (typeof reply === "string") return reply;
  if (Buffer.isBuffer(reply)) return reply.toString("utf8");
  // RESP3's verbatim strings.
  return reply instanceof String ? reply.toString() : undefined;
}

/** A number, or the text of one; undefined for anything else. */
export function numberOf(reply: unknown): number | undefined {
  if (typeof reply === "number") return reply;
  const text = textOf(reply)?.trim();
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}

export function listOf(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}

/** Name → value of a reply of pairs, in either form; empty for anything else. */
export function pairsOf(reply: unknown): ReadonlyMap<string, unknown> {
  if (reply instanceof Map) return new Map([...reply].map(([name, value]) => [textOf(name) ?? "", value]));
  if (!Array.isArray(reply)) return new Map(isRecord(reply) ? Object.entries(reply) : []);
  const pairs = new Map<string, unknown>();
  for (let at = 0; at + 1 < reply.length; at += 2) pairs.set(textOf(reply[at]) ?? "", reply[at + 1]);
  return pairs;
}

function isRecord(reply: unknown): reply is Record<string, unknown> {
  return typeof reply === "object" && reply !== null && !Buffer.isBuffer(reply);
}
