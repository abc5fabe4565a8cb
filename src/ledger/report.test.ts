import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemSchedule } from "../util/schedule.ts";
import { midnight, sampleAttempt, sampleEntry } from "./contract/samples.contract.ts";
import type { LedgerEntry } from "./entry.ts";
import { toLine } from "./entry-line.ts";
import type { ArmCosts, LedgerStore } from "./ledger-store.ts";
import { ledgerOptions } from "./options.ts";
import { makeReport, measuredBy } from "./report.ts";
import { sqlite } from "./sqlite.ts";

const { signal } = new AbortController();
let folder: string;
let store: LedgerStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-report-"));
  store = sqlite.create(ledgerOptions.parse({}), { schedule: systemSchedule, prefix: folder });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const nano = 1e9;

/** An exchange that cost so much, of models and of routing. */
function exchange(number: number, usd: number | undefined, facts: Partial<LedgerEntry> = {}): LedgerEntry {
  return sampleEntry(number, {
    attempts: [sampleAttempt({ target: "small", costNanoUsd: usd === undefined ? undefined : usd * nano })],
    routingCostNanoUsd: 0.25 * nano,
    baselines: [
      { name: "strongest", costNanoUsd: 4 * nano },
      { name: "cheapest", costNanoUsd: 1 * nano },
    ],
    ...facts,
  });
}

async function report(entries: readonly LedgerEntry[]) {
  await store.append(entries.map(toLine), signal);
  return makeReport(store, {}, ["target", "day"], signal);
}

describe("a report", () => {
  it("compares what was spent, routing included, with what the same tokens would have cost", async () => {
    const { total, mixShare } = await report([exchange(1, 1), exchange(2, 3)]);
    expect(total).toMatchObject({ exchanges: 2, attempts: 2, costUsd: 4, routingUsd: 0.5, unknown: 0 });
    expect(total.baselines).toEqual({
      strongest: { costUsd: 8, unknown: 0, savedUsd: 3.5, savedShare: 3.5 / 8 },
      cheapest: { costUsd: 2, unknown: 0, savedUsd: -2.5, savedShare: -1.25 },
    });
    expect(mixShare).toBeCloseTo((4 - 2) / (8 - 2), 12);
  });

  it("claims no saving where a side is not complete", async () => {
    const priced = await report([exchange(1, undefined), exchange(2, 3)]);
    expect(priced.total).toMatchObject({ costUsd: 3, unknown: 1 });
    expect(priced.total.baselines["strongest"]).toMatchObject({
      costUsd: 8,
      savedUsd: undefined,
      savedShare: undefined,
    });
    expect(priced.mixShare).toBeUndefined();
    const compared = await report([
      exchange(3, 1, { baselines: [{ name: "strongest", costNanoUsd: undefined }] }),
    ]);
    expect(compared.total.baselines["strongest"]?.savedUsd).toBeUndefined();
  });

  it("adds up by what is asked for, and its groups are the whole", async () => {
    const day = 86_400_000;
    const { total, by } = await report([
      exchange(1, 1),
      exchange(2, 2, { timeMs: midnight + day }),
      exchange(3, 4, {
        timeMs: midnight + day,
        attempts: [sampleAttempt({ target: "large", costNanoUsd: 4 * nano })],
      }),
    ]);
    expect(by.day?.map(({ name, costUsd }) => [name, costUsd])).toEqual([
      ["2026-11-28", 1],
      ["2026-11-29", 6],
    ]);
    expect(by.target?.map(({ name, costUsd }) => [name, costUsd])).toEqual([
      ["large", 4],
      ["small", 3],
    ]);
    expect(by.target?.reduce((sum, { costUsd }) => sum + costUsd, 0)).toBe(total.costUsd);
    expect(by.consumer).toBeUndefined();
  });

  it("of nothing is nothing", async () => {
    const { total, measured, mixShare } = await report([]);
    expect(total).toMatchObject({ exchanges: 0, costUsd: 0, baselines: {} });
    expect([measured, mixShare]).toEqual([undefined, undefined]);
  });
});

describe("what a holdout measures", () => {
  const arm = (name: ArmCosts["arm"], exchanges: number, meanUsd: number, variance: number): ArmCosts => ({
    arm: name,
    exchanges,
    unknown: 0,
    meanUsd,
    variance,
  });

  it("is the difference of the arms, with Welch's interval", () => {
    const measured = measuredBy([arm("holdout", 100, 10, 4), arm("routed", 4_900, 6, 49)]);
    const error = Math.sqrt(4 / 100 + 49 / 4_900);
    expect(measured?.savedUsd.value).toBe(4);
    expect(measured?.savedUsd.low).toBeCloseTo(4 - 1.959964 * error, 9);
    expect(measured?.savedUsd.high).toBeCloseTo(4 + 1.959964 * error, 9);
    expect(measured?.savedShare?.value).toBeCloseTo(0.4, 12);
    const shareError = Math.sqrt(49 / 4_900 + 0.36 * (4 / 100)) / 10;
    expect(measured?.savedShare?.high).toBeCloseTo(0.4 + 1.959964 * shareError, 9);
  });

  it("is nothing without both arms, or with too little in one", () => {
    expect(measuredBy([arm("holdout", 100, 1, 1)])).toBeUndefined();
    expect(measuredBy([arm("holdout", 1, 1, 0), arm("routed", 100, 1, 1)])).toBeUndefined();
  });

  it("holds the truth about 95 times in 100", () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const draw = (count: number, mean: number) => {
      // Exponential: as skewed as costs are.
      const costs = Array.from({ length: count }, () => -mean * Math.log(1 - random()));
      const average = costs.reduce((sum, cost) => sum + cost, 0) / count;
      const variance = costs.reduce((sum, cost) => sum + (cost - average) ** 2, 0) / (count - 1);
      return { exchanges: count, unknown: 0, meanUsd: average, variance };
    };
    let held = 0;
    const runs = 1_000;
    for (let run = 0; run < runs; run++) {
      const measured = measuredBy([
        { arm: "holdout", ...draw(200, 10) },
        { arm: "routed", ...draw(1_000, 6) },
      ]);
      if (measured !== undefined && measured.savedUsd.low <= 4 && measured.savedUsd.high >= 4) held++;
    }
    expect(held / runs).toBeGreaterThan(0.92);
    expect(held / runs).toBeLessThan(0.97);
  });
});
