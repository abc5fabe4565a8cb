/** Reading what another process has told; it may be another version of this program. */
import type { Row } from "../balancer/balancer.ts";

/** Undefined unless it is an object of lists of numbers. */
export function parseRows(text: string): Readonly<Record<string, Row>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRows(value) ? value : undefined;
  } catch {
    return undefined; // not JSON
  }
}

function isRows(value: unknown): value is Readonly<Record<string, Row>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((row) => Array.isArray(row) && row.every(Number.isFinite));
}
