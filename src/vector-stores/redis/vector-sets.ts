/** Searching with vector sets (Redis 8): one set for each namespace, its elements named by their position. */

import { numberOf, pairsOf } from "../../redis/reply.ts";
import { clampSimilarity } from "../checks.ts";
import type { VectorMatch } from "../vector-store.ts";
import { answerOf, bytesOf, type Engine } from "./engine.ts";
import { vectorSetKey } from "./keys.ts";
import { corrupt, rowOf } from "./manifest.ts";

/**
 * NOQUANT: with the default of 8 bits the fourth decimal of a similarity is off. A small graph, for nothing walks it,
 * see TRUTH: building it costs a quarter of the default (measured, 300 vectors of 1536 numbers).
 */
const setOptions = ["NOQUANT", "EF", "10", "M", "4"];

export const vectorSets: Engine = {
  name: "vectorset",

  async prepare() {},

  place(namespace, packed) {
    const key = vectorSetKey(namespace, packed.digest);
    return packed.rows.map((row) => ["VADD", key, "FP32", rowOf(packed, row), `${row}`, ...setOptions]);
  },

  keys: (namespace, { digest }) => [vectorSetKey(namespace, digest)],

  query(namespace, content, { vector, limit }) {
    const key = vectorSetKey(namespace, content.digest);
    const count = ["WITHSCORES", "COUNT", `${Math.min(limit, content.findable)}`];
    return [
      ["VCARD", key],
      // TRUTH compares with every element instead of walking the graph: exact, as every store must be.
      ["VSIM", key, "FP32", bytesOf(vector), ...count, "TRUTH"],
    ];
  },

  finding(namespace, content, { limit }, [card, similar]) {
    const found = numberOf(answerOf(card)) ?? 0;
    const matches: VectorMatch[] = [];
    for (const [element, score] of pairsOf(answerOf(similar))) {
      const [id, s] = [content.ids[Number(element)], numberOf(score)];
      if (id === undefined || s === undefined)
        throw corrupt(namespace, "its vector set holds other elements");
      // The score is (1 + cosine) / 2.
      matches.push({ id, similarity: clampSimilarity(2 * s - 1) });
    }
    if (found !== content.findable || matches.length < Math.min(limit, content.findable))
      return { kind: "short", found: Math.min(found, matches.length), expected: content.findable };
    return { kind: "found", matches: matches.sort((a, b) => b.similarity - a.similarity) };
  },

  isSettling: async () => false,
};
