/** What is measured of a ledger: what recording takes of the thread that answers requests, and what the store gets done. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { toLine } from "../../src/ledger/entry-line.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { percentile, Samples } from "../statistics.ts";

export interface Recording {
  /** Of one call, on the calling thread. */
  readonly p50Us: number;
  readonly p99Us: number;
  /** All that this thread did meanwhile for an entry, handing batches over included. */
  readonly threadUs: number;
}

export interface Writing {
  readonly perSecond: number;
  readonly batchMs: number;
  /** How late a 1 ms timer of the calling thread fires meanwhile, at most. */
  readonly lateMs: number;
}

/** Entries of one turn of the event loop: some thousand requests a second, at 1 ms for a turn. */
const perTurn = 5;
export const batchSize = 500;
const timerMs = 1;

/** Records at a pace that a gateway may have, then lets the ledger hand everything over. */
export async function measureRecording(
  record: (entry: LedgerEntry) => void,
  flush: () => Promise<void>,
  { next, forMs }: { readonly next: () => LedgerEntry; readonly forMs: number },
): Promise<Recording> {
  const samples = new Samples();
  const idleBefore = performance.eventLoopUtilization();
  const startedAt = performance.now();
  let making = 0;
  while (performance.now() - startedAt < forMs) {
    const makingAt = performance.now();
    const entries = Array.from({ length: perTurn }, next);
    making += performance.now() - makingAt;
    for (const entry of entries) {
      const before = performance.now();
      record(entry);
      samples.add((performance.now() - before) * 1000);
    }
    await new Promise((resolve) => setTimeout(resolve, timerMs));
  }
  await flush();
  const { active } = performance.eventLoopUtilization(idleBefore);
  const sorted = samples.sorted();
  return {
    p50Us: percentile(sorted, 0.5),
    p99Us: percentile(sorted, 0.99),
    threadUs: ((active - making) * 1000) / sorted.length,
  };
}

/** One batch after the other, straight to the store. */
export async function measureWriting(
  { store }: Ledger,
  { next, forMs }: { readonly next: () => LedgerEntry; readonly forMs: number },
): Promise<Writing> {
  const { signal } = new AbortController();
  const late = monitorEventLoopDelay({ resolution: timerMs });
  let writingMs = 0;
  let batches = 0;
  while (writingMs < forMs) {
    const lines = Array.from({ length: batchSize }, () => toLine(next()));
    await nextTurn();
    const startedAt = performance.now();
    late.enable();
    await store.append(lines, signal);
    late.disable();
    writingMs += performance.now() - startedAt;
    batches++;
  }
  return {
    perSecond: (batches * batchSize) / (writingMs / 1000),
    batchMs: writingMs / batches,
    lateMs: Math.max(0, late.max / 1e6 - timerMs),
  };
}
