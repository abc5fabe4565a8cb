/** Contract of what searches inside the server: the query engine (FT.*) or vector sets (VADD, VSIM). */

import type { Command } from "../../redis/connection.ts";
import type { Namespace, VectorMatch } from "../vector-store.ts";
import type { Content, Packed } from "./manifest.ts";

/** Sends one command within a call. */
export type Ask = (command: Command) => Promise<unknown>;

/** How one command of several ended. */
export type Outcome = PromiseSettledResult<unknown>;

/** found: all that was asked for · short: fewer than the manifest promises · missing: there is no index at all. */
export type Finding =
  | { readonly kind: "found"; readonly matches: readonly VectorMatch[] }
  | { readonly kind: "short"; readonly found: number; readonly expected: number }
  | { readonly kind: "missing" };

export interface Engine {
  /** As in the setting `engine` and in manifests. */
  readonly name: string;
  /** Before a write, and when a search finds `missing`; not part of the transaction. */
  prepare(ask: Ask, dimensions: number): Promise<void>;
  /** The commands of the transaction that put a namespace in place; whatever had their keys is deleted before. */
  place(namespace: Namespace, packed: Packed): readonly Command[];
  /** The keys of a namespace's search structure. */
  keys(namespace: Namespace, content: Content): readonly string[];
  /** Asks for the `limit` ≥ 1 nearest; sent together, and answered one by one. */
  query(namespace: Namespace, content: Content, search: Search): readonly Command[];
  /** What the answers to `query` say, nearest first. Throws what is no answer. */
  finding(namespace: Namespace, content: Content, search: Search, answers: readonly Outcome[]): Finding;
  /** Whether what is missing may yet appear by itself. */
  isSettling(ask: Ask, dimensions: number): Promise<boolean>;
}

export interface Search {
  readonly vector: Float32Array;
  readonly limit: number;
}

/** The value, or the error thrown. */
export function answerOf(outcome: Outcome | undefined): unknown {
  if (outcome?.status === "fulfilled") return outcome.value;
  throw outcome?.reason;
}

export function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
