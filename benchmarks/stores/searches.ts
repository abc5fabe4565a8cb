/** What a decision would cost if each request asked the store: one search, alone and with others under way. */
import { setMaxListeners } from "node:events";
import type { Namespace, VectorStore } from "../../src/vector-stores/vector-store.ts";
import { type Calls, measureCalls } from "../measuring/calls.ts";
import type { Round, Watched } from "../measuring/rounds.ts";
import { measureInTurn } from "../measuring/turns.ts";
import type { StoreSide } from "./sides.ts";
import { createItems, createVectors } from "./vectors.ts";

export const together = 50;

export interface SearchCase {
  readonly items: number;
  readonly dimensions: number;
}

export const searchCases: readonly SearchCase[] = [256, 1024, 1536].flatMap((dimensions) =>
  [3, 30, 300].map((items) => ({ items, dimensions })),
);

export interface Searches {
  /** One after the other. */
  readonly alone: Calls;
  /** With 50 under way at a time. */
  readonly together: Calls;
}

/** Nearest items that are asked for: those that a request may be sent to, one after the other. */
const limit = 10;
/** Distinct vectors that are searched for, in turn. */
const queryCount = 64;
const owner = "benchmark-search";

export interface SearchBench {
  /** All stores on one case. */
  measure(test: SearchCase, round: number, forMs: number): Promise<Round<Searches & Watched>>;
  /** Removes what was stored. */
  close(): Promise<void>;
}

interface Opened {
  readonly name: string;
  readonly store: VectorStore;
}

export async function createSearchBench(sides: readonly StoreSide[]): Promise<SearchBench> {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const opened: readonly Opened[] = sides.map((side) => ({ name: side.name, store: side.open() }));
  const queries = new Map<number, readonly Float32Array[]>();
  for (const test of searchCases) {
    const { items, dimensions } = test;
    queries.set(dimensions, createVectors(queryCount, dimensions, dimensions + 1));
    const content = createItems(items, dimensions, dimensions);
    for (const { store } of opened) await store.replace(namespaceOf(test), content, signal);
    await requireSameAnswers(opened, test, queries.get(dimensions)?.[0] ?? new Float32Array(), signal);
  }

  async function measureOne({ store }: Opened, test: SearchCase, forMs: number): Promise<Searches> {
    const [namespace, vectors] = [namespaceOf(test), queries.get(test.dimensions) ?? []];
    let next = 0;
    const search = () => {
      const vector = vectors[next++ % vectors.length];
      if (vector === undefined) throw new Error("there is no vector to search for");
      return store.search(namespace, vector, limit, signal);
    };
    return {
      alone: await measureCalls(search, { atOnce: 1, forMs }),
      together: await measureCalls(search, { atOnce: together, forMs }),
    };
  }

  return {
    measure: (test, round, forMs) => measureInTurn(opened, round, (side) => measureOne(side, test, forMs)),
    async close() {
      for (const { store } of opened) {
        for (const test of searchCases) await store.delete(namespaceOf(test), signal);
        await store.close();
      }
    },
  };
}

function namespaceOf({ items, dimensions }: SearchCase): Namespace {
  return { owner, version: `${items}x${dimensions}` };
}

/** Stores that found something else would not be comparable. */
async function requireSameAnswers(
  opened: readonly Opened[],
  test: SearchCase,
  vector: Float32Array,
  signal: AbortSignal,
): Promise<void> {
  const answers = await Promise.all(
    opened.map(async ({ store }) => {
      const matches = await store.search(namespaceOf(test), vector, limit, signal);
      return matches.map(({ id }) => id).join();
    }),
  );
  const odd = answers.findIndex((answer) => answer === "" || answer !== answers[0]);
  if (odd !== -1) throw new Error(`${opened[odd]?.name} finds others than ${opened[0]?.name} does`);
}
