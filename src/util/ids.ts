/** Request ids: 32 hexadecimal digits, as Kong's. */
import { randomBytes } from "node:crypto";

/** A maker of ids that are unique in and across processes: 64 random bits, then a count. Not secret, not guessable for others' processes. */
export function createIdSource(): () => string {
  const prefix = randomBytes(8).toString("hex");
  let count = 0;
  return () => prefix + (count++).toString(16).padStart(16, "0");
}
