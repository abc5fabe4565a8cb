/** Tries an embedder and a vector store as requests would use them, and says what was found. */
import { randomUUID } from "node:crypto";
import type { Embedder } from "../../embedders/embedder.ts";
import { dot, normalise } from "../../util/vector.ts";
import type { VectorStore } from "../../vector-stores/vector-store.ts";
import type { ProbeResult } from "../plugin.ts";

/** Tries of the round trip; the first one connects and is told apart. */
const tries = 5;

export async function probeEmbedder(
  embedder: Embedder,
  wanted: number | undefined,
  now: () => number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const facts: Record<string, string | number> = {};
  const name = `${embedder.provider}/${embedder.model}`;
  try {
    const startedAt = now();
    const { vectors, inputTokens } = await embedder.embed(["How do I reset my password?"], signal);
    facts["latency"] = milliseconds(now() - startedAt);
    const [vector] = vectors;
    facts["dimensions"] = vector?.length ?? 0;
    if (inputTokens !== undefined) facts["tokens"] = inputTokens;
    const isWrong = wanted !== undefined && embedder.embedNow === undefined && vector?.length !== wanted;
    const error = isWrong
      ? `vectors of ${vector?.length} numbers where vectordb.dimensions is ${wanted}`
      : undefined;
    return { component: "embedder", name, facts, error };
  } catch (error) {
    return { component: "embedder", name, facts, error: reasonOf(error) };
  }
}

/** Writes, finds, reads back and removes vectors in a namespace of its own. */
export async function probeStore(
  store: VectorStore,
  dimensions: number | undefined,
  now: () => number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const facts: Record<string, string | number> = {};
  const name = store.place;
  try {
    const startedAt = now();
    const { server, engine } = await store.inspect(signal);
    Object.assign(facts, { server, engine, connected: milliseconds(now() - startedAt) });
    Object.assign(facts, await tryVectors(store, dimensions ?? 8, now, signal));
    // The first write may have set the engine up.
    facts["engine"] = (await store.inspect(signal)).engine;
    return { component: "vector store", name, facts, error: undefined };
  } catch (error) {
    return { component: "vector store", name, facts, error: reasonOf(error) };
  }
}

async function tryVectors(
  store: VectorStore,
  dimensions: number,
  now: () => number,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string | number>>> {
  const namespace = { owner: `check-${randomUUID()}`, version: "1" };
  const near = normalise(Float32Array.from({ length: dimensions }, (_, at) => Math.sin(at + 1)));
  const query = normalise(Float32Array.from({ length: dimensions }, (_, at) => Math.sin(at + 1.5)));
  const expected = dot(near, query);

  /** Milliseconds it took to find what is right. */
  async function search(): Promise<number> {
    const startedAt = now();
    const [match] = await store.search(namespace, query, 1, signal);
    const took = now() - startedAt;
    if (match !== undefined && Math.abs(match.similarity - expected) <= 1e-4) return took;
    const found = match?.similarity ?? "nothing";
    throw new Error(`${store.place} measures a similarity of ${found} where ${expected.toFixed(4)} is right`);
  }

  try {
    await store.replace(namespace, [{ id: "near", vector: near }], signal);
    const latencies: number[] = [];
    for (let count = 0; count < tries; count++) latencies.push(await search());
    const [median = 0] = latencies.sort((a, b) => a - b).slice(Math.floor(tries / 2));
    const [item] = (await store.read(namespace, signal)) ?? [];
    if (item?.id !== "near" || !item.vector.every((number, at) => number === near[at]))
      throw new Error(`${store.place} does not give back what was written`);
    await store.delete(namespace, signal);
    return { search: milliseconds(median), dimensions };
  } catch (error) {
    // What went wrong first is to be told, not what it leads to.
    await store.delete(namespace, signal).catch(() => undefined);
    throw error;
  }
}

function milliseconds(duration: number): string {
  return `${duration < 10 ? duration.toFixed(1) : Math.round(duration)} ms`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
