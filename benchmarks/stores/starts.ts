/** What the store costs at a start: the keeper reads back what an earlier process has kept, or writes it. */
import { createLogger } from "../../src/telemetry/logger.ts";
import { systemSchedule } from "../../src/util/schedule.ts";
import { createVectorKeeper, type VectorKeeper } from "../../src/vector-stores/keeper.ts";
import type { VectorItem, VectorStore } from "../../src/vector-stores/vector-store.ts";
import type { Round, Watched } from "../measuring/rounds.ts";
import { measureInTurn } from "../measuring/turns.ts";
import { spreadOf } from "../statistics.ts";
import type { StoreSide } from "./sides.ts";
import { createItems } from "./vectors.ts";

export const startCounts = [100, 1000] as const;
/** As text-embedding-3-small is asked for in the published example. */
export const startDimensions = 1024;

export interface Start {
  /** Milliseconds from an unconnected store to the vectors being there for the next process … */
  readonly writeMs: number;
  /** … and from an unconnected store to the vectors being here; undefined where nothing outlives the process. */
  readonly readMs: number | undefined;
}

const owner = "benchmark-start";
const { signal } = new AbortController();

/** Starts of a side in one round; the one in the middle counts. */
const repeats = 3;

export function measureStarts(
  sides: readonly StoreSide[],
  count: number,
  round: number,
): Promise<Round<Start & Watched>> {
  const items = createItems(count, startDimensions, count);
  return measureInTurn(sides, round, async (side) => {
    const writes: number[] = [];
    const reads: number[] = [];
    for (let repeat = 0; repeat < repeats; repeat++) {
      writes.push(await withKeeper(side, (keeper) => write(keeper, items, side)));
      if (!side.isRemote) continue;
      reads.push(await withKeeper(side, (keeper) => readBack(keeper, items, side)));
      await withKeeper(side, (keeper) => keeper.forget(signal));
    }
    return { writeMs: spreadOf(writes)?.median ?? Number.NaN, readMs: spreadOf(reads)?.median };
  });
}

async function write(keeper: VectorKeeper, items: readonly VectorItem[], side: StoreSide): Promise<number> {
  const startedAt = performance.now();
  await keeper.keep(`of-${items.length}`, items);
  const tookMs = performance.now() - startedAt;
  requireUp(keeper, side);
  return tookMs;
}

async function readBack(
  keeper: VectorKeeper,
  items: readonly VectorItem[],
  side: StoreSide,
): Promise<number> {
  const startedAt = performance.now();
  const known = await keeper.recall(signal);
  const tookMs = performance.now() - startedAt;
  requireUp(keeper, side);
  if (known.size !== items.length)
    throw new Error(`${side.name} gave back ${known.size} of ${items.length} vectors`);
  return tookMs;
}

async function withKeeper<Value>(
  { open, isRemote }: StoreSide,
  work: (keeper: VectorKeeper) => Promise<Value>,
): Promise<Value> {
  const store: VectorStore = open();
  const keeper = createVectorKeeper({
    store,
    owner,
    isRemote,
    isReadOnly: false,
    log: createLogger({
      level: "warn",
      pretty: true,
      write: (text) => process.stderr.write(text),
      wallClock: () => Date.now(),
    }),
    schedule: systemSchedule,
    now: () => performance.now(),
  });
  try {
    return await work(keeper);
  } finally {
    keeper.close();
    await store.close();
  }
}

function requireUp(keeper: VectorKeeper, { name }: StoreSide): void {
  const { state, reason } = keeper.health();
  if (state !== "up") throw new Error(`${name} is ${state}: ${reason ?? "no reason given"}`);
}
