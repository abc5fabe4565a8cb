/**
 * Searching with the query engine (FT.*) of Redis Stack, Redis 8, valkey-search and their like: one HASH for each item,
 * found through one index for all vectors of a length. Uses what all of them document: TAG before KNN, DIALECT 2, an
 * explicit LIMIT, and no SORTBY, which not all can do by distance.
 */

import type { Command } from "../../redis/connection.ts";
import { ErrorAnswer, isMissingIndex } from "../../redis/failures.ts";
import { listOf, numberOf, pairsOf, textOf } from "../../redis/reply.ts";
import { clampSimilarity } from "../checks.ts";
import type { Namespace, VectorMatch } from "../vector-store.ts";
import { type Ask, answerOf, bytesOf, type Engine, type Search } from "./engine.ts";
import { indexName, itemKey, itemPrefix } from "./keys.ts";
import { type Content, corrupt, rowOf } from "./manifest.ts";

/**
 * Up to so many items all are asked for, so that one that fell out of the index is noticed, which would be missing from
 * the nearest without a sign: the engine leaves out a vector of the wrong size in silence. Beyond, the answer would
 * cost more than it tells. A guess.
 */
const checkedItems = 1000;

/** By itself RediSearch answers after 500 ms with what it has found so far, and does not say so. */
const searchTimeoutMs = 10_000;

export const queryEngine: Engine = {
  name: "search",

  prepare: ensureIndex,

  place(namespace, packed) {
    const tag = tagOf(packed);
    return packed.rows.map((row) => [
      "HSET",
      itemKey(namespace, packed.dimensions, row),
      ...["namespace", tag, "vector", rowOf(packed, row)],
    ]);
  },

  keys: (namespace, { dimensions, ids }) => ids.map((_, row) => itemKey(namespace, dimensions, row)),

  query(_, content, search) {
    const count = `${wanted(content, search)}`;
    const knn = `@namespace:{${tagOf(content)}}=>[KNN ${count} @vector $vector AS distance]`;
    const bound = ["TIMEOUT", `${searchTimeoutMs}`];
    const parameters = ["PARAMS", "2", "vector", bytesOf(search.vector)];
    const shape = ["RETURN", "1", "distance", "LIMIT", "0", count, "DIALECT", "2"];
    return [["FT.SEARCH", indexName(content.dimensions), knn, ...bound, ...parameters, ...shape]];
  },

  finding(namespace, content, search, [answer]) {
    if (answer?.status === "rejected" && isMissingIndex(answer.reason)) return { kind: "missing" };
    if (answer?.status === "rejected" && isBackfilling(answer.reason))
      return { kind: "short", found: 0, expected: content.findable };
    const matches = documentsOf(answerOf(answer)).map((document) => matchOf(namespace, content, document));
    const expected = wanted(content, search);
    if (matches.length < expected) return { kind: "short", found: matches.length, expected };
    matches.sort((a, b) => b.similarity - a.similarity);
    return { kind: "found", matches: matches.slice(0, search.limit) };
  },

  async isSettling(ask, dimensions) {
    const info = pairsOf(await ask(["FT.INFO", indexName(dimensions)]));
    const progress = numberOf(info.get("percent_indexed"));
    const flags = ["indexing", "backfill_in_progress"].map((name) => numberOf(info.get(name)) ?? 0);
    return flags.some((flag) => flag !== 0) || (progress !== undefined && progress < 1);
  },
};

/** A letter and hexadecimal digits: nothing that the query language would want escaped. */
function tagOf({ digest }: Content): string {
  return `g${digest}`;
}

function wanted({ findable }: Content, { limit }: Search): number {
  return findable <= checkedItems ? findable : Math.min(limit, findable);
}

/** Creates the index, or finds the one there good; one of another shape is made anew, the items stay. */
async function ensureIndex(ask: Ask, dimensions: number): Promise<void> {
  if (await createIndex(ask, dimensions)) return;
  if (isFit(await describeIndex(ask, dimensions), dimensions)) return;
  // The name is ours alone, and says the format.
  await ask(["FT.DROPINDEX", indexName(dimensions)]).catch(unlessMissing);
  await createIndex(ask, dimensions);
}

/** False when an index of that name is there. */
async function createIndex(ask: Ask, dimensions: number): Promise<boolean> {
  const vector = ["FLAT", "6", "TYPE", "FLOAT32", "DIM", `${dimensions}`, "DISTANCE_METRIC", "COSINE"];
  const create: Command = [
    ...["FT.CREATE", indexName(dimensions), "ON", "HASH", "PREFIX", "1", itemPrefix(dimensions)],
    ...["SCHEMA", "namespace", "TAG", "vector", "VECTOR", ...vector],
  ];
  try {
    await ask(create);
    return true;
  } catch (error) {
    if (error instanceof ErrorAnswer && /already exists/i.test(error.message)) return false;
    throw error;
  }
}

async function describeIndex(ask: Ask, dimensions: number): Promise<readonly string[] | undefined> {
  try {
    return wordsOf(await ask(["FT.INFO", indexName(dimensions)]));
  } catch (error) {
    unlessMissing(error);
    return undefined;
  }
}

/**
 * By the words of the description that all engines have, wherever they stand: prefix, fields, metric, and the length
 * after `dim` (RediSearch) or `dimensions` (valkey-search). What a description leaves out is taken on trust.
 */
function isFit(words: readonly string[] | undefined, dimensions: number): boolean {
  if (words === undefined) return false;
  const at = words.findIndex((word) => /^dim(ensions)?$/i.test(word));
  const length = at === -1 ? dimensions : Number(words[at + 1]);
  const metric = words.find((word) => /^(COSINE|L2|IP)$/i.test(word)) ?? "COSINE";
  const names = [itemPrefix(dimensions), "namespace", "vector"];
  return length === dimensions && /^COSINE$/i.test(metric) && names.every((name) => words.includes(name));
}

function wordsOf(reply: unknown): readonly string[] {
  if (Array.isArray(reply)) return reply.flatMap(wordsOf);
  const pairs = pairsOf(reply);
  if (pairs.size > 0) return [...pairs].flatMap(([name, value]) => [name, ...wordsOf(value)]);
  return [textOf(reply) ?? `${reply}`];
}

interface Document {
  readonly key: string;
  readonly distance: number | undefined;
}

/** RESP2: count, key, fields, key, fields … · RESP3: a map with `results`, each with `id` and `extra_attributes`. */
function documentsOf(reply: unknown): readonly Document[] {
  if (!Array.isArray(reply)) {
    return listOf(pairsOf(reply).get("results")).map((result) => {
      const document = pairsOf(result);
      return documentOf(document.get("id"), document.get("extra_attributes"));
    });
  }
  const documents: Document[] = [];
  for (let at = 1; at + 1 < reply.length; at += 2) documents.push(documentOf(reply[at], reply[at + 1]));
  return documents;
}

function documentOf(key: unknown, fields: unknown): Document {
  return { key: textOf(key) ?? "", distance: numberOf(pairsOf(fields).get("distance")) };
}

function matchOf(namespace: Namespace, content: Content, { key, distance }: Document): VectorMatch {
  const row = Number(key.slice(key.lastIndexOf(":") + 1));
  const id = content.ids[row];
  if (id === undefined || distance === undefined || key !== itemKey(namespace, content.dimensions, row))
    throw corrupt(namespace, `its index holds another item, "${key}"`);
  return { id, similarity: clampSimilarity(1 - distance) };
}

/** MemoryDB refuses to search an index that is still being filled. */
function isBackfilling(error: unknown): boolean {
  return error instanceof ErrorAnswer && /backfill|being (built|indexed)/i.test(error.message);
}

function unlessMissing(error: unknown): void {
  if (!isMissingIndex(error)) throw error;
}
