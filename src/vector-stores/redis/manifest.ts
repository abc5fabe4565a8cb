/** The manifest of a namespace: all of its content in one HASH, so that one command reads it whole on any server. */

import { createHash } from "node:crypto";
import type { Command } from "../../redis/connection.ts";
import { numberOf, textOf } from "../../redis/reply.ts";
import { StoreError } from "../../util/store-error.ts";
import { checkItems, isZero, namespaceName } from "../checks.ts";
import type { Namespace, VectorItem } from "../vector-store.ts";
import { manifestKey } from "./keys.ts";

/** What a namespace holds, but for the vectors. */
export interface Content {
  /** 0 when there are no items. */
  readonly dimensions: number;
  /** In order. */
  readonly ids: readonly string[];
  /** How many of the items have a direction: only these are in the search structure. */
  readonly findable: number;
  /** Names the content: over owner, version, ids and vectors. Tells generations apart and a cut blob from a whole one. */
  readonly digest: string;
}

/** A manifest but for the vectors. */
export interface Head extends Content {
  /** The engine whose search structure stands beside the manifest. */
  readonly engine: string;
}

/** All content, ready to be written. */
export interface Packed extends Content {
  /** Float32, row after row, in the machine's order, which is little-endian on all that Node is built for but s390x. */
  readonly vectors: Buffer;
  /** Positions of the items that have a direction. */
  readonly rows: readonly number[];
}

const headFields = ["engine", "dimensions", "ids", "findable", "digest"] as const;

/** Checks and copies the items; throws as `invalid`. */
export function pack(namespace: Namespace, items: readonly VectorItem[]): Packed {
  const dimensions = checkItems(namespace, items);
  const numbers = new Float32Array(items.length * dimensions);
  const rows: number[] = [];
  for (const [row, { vector }] of items.entries()) {
    numbers.set(vector, row * dimensions);
    if (!isZero(vector)) rows.push(row);
  }
  const ids = items.map(({ id }) => id);
  const vectors = Buffer.from(numbers.buffer);
  const digest = digestOf(namespace, { dimensions, ids, vectors });
  return { dimensions, ids, findable: rows.length, digest, vectors, rows };
}

/** The bytes of one row of packed vectors. */
export function rowOf({ vectors, dimensions }: Packed, row: number): Buffer {
  const length = dimensions * Float32Array.BYTES_PER_ELEMENT;
  return vectors.subarray(row * length, (row + 1) * length);
}

export function vectorOf(packed: Packed, row: number): Float32Array {
  return new Float32Array(new Uint8Array(rowOf(packed, row)).buffer);
}

export function writeManifest(namespace: Namespace, packed: Packed, engine: string): Command {
  const { dimensions, ids, findable, digest, vectors } = packed;
  const head = ["engine", engine, "dimensions", `${dimensions}`, "ids", JSON.stringify(ids)];
  const rest = ["findable", `${findable}`, "digest", digest, "vectors", vectors];
  return ["HSET", manifestKey(namespace), ...head, ...rest];
}

export function readHead(namespace: Namespace): Command {
  return ["HMGET", manifestKey(namespace), ...headFields];
}

/** From the reply to `readHead`; undefined when there is no manifest. Throws as `corrupt`. */
export function headFrom(namespace: Namespace, reply: readonly unknown[]): Head | undefined {
  if (reply.every((field) => field === null)) return undefined;
  return parseHead(namespace, new Map(headFields.map((name, at) => [name, reply[at]])));
}

/** From the pairs of the whole HASH. Throws as `corrupt`. */
export function itemsFrom(namespace: Namespace, fields: ReadonlyMap<string, unknown>): readonly VectorItem[] {
  const { ids, dimensions, digest } = parseHead(namespace, fields);
  const vectors = fields.get("vectors");
  if (!Buffer.isBuffer(vectors)) throw corrupt(namespace, "it has no vectors");
  const expected = ids.length * dimensions * Float32Array.BYTES_PER_ELEMENT;
  if (vectors.length !== expected) {
    throw corrupt(namespace, `it has ${vectors.length} bytes of vectors where ${expected} belong`);
  }
  if (digestOf(namespace, { dimensions, ids, vectors }) !== digest) {
    throw corrupt(namespace, "its content was changed");
  }
  // Copied, for the numbers must be aligned in memory.
  const numbers = new Float32Array(new Uint8Array(vectors).buffer);
  return ids.map((id, row) => ({ id, vector: numbers.slice(row * dimensions, (row + 1) * dimensions) }));
}

/** What lies under our names is not ours or not whole. */
export function corrupt(namespace: Namespace, reason: string): StoreError {
  return new StoreError(
    "corrupt",
    `what is stored as "${namespaceName(namespace)}" (${manifestKey(namespace)}) cannot be used: ${reason}`,
  );
}

function parseHead(namespace: Namespace, fields: ReadonlyMap<string, unknown>): Head {
  const [engine, digest] = [textOf(fields.get("engine")), textOf(fields.get("digest"))];
  const [dimensions, findable] = [numberOf(fields.get("dimensions")), numberOf(fields.get("findable"))];
  const ids = parseIds(textOf(fields.get("ids")));
  const isWhole = [dimensions, findable].every((count) => Number.isSafeInteger(count) && Number(count) >= 0);
  if (engine === undefined || digest === undefined || ids === undefined || !isWhole)
    throw corrupt(namespace, "it is not one of our manifests, or not whole");
  return { engine, digest, ids, dimensions: Number(dimensions), findable: Number(findable) };
}

function parseIds(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  try {
    const ids: unknown = JSON.parse(text);
    return Array.isArray(ids) && ids.every((id) => typeof id === "string") ? ids : undefined;
  } catch {
    return undefined; // reported by the caller, who knows whose it is
  }
}

function digestOf(
  namespace: Namespace,
  { dimensions, ids, vectors }: Pick<Packed, "dimensions" | "ids" | "vectors">,
): string {
  const head = JSON.stringify([namespace.owner, namespace.version, dimensions, ids]);
  return createHash("sha256").update(head).update("\0").update(vectors).digest("hex").slice(0, 32);
}
