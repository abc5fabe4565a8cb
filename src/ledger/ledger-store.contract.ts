/** What every store of the ledger must do; each member's test calls this with a way to make an empty place. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StoreError, type StoreErrorKind } from "../util/store-error.ts";
import { attemptColumns, baselineColumns, exchangeColumns } from "./columns.ts";
import { firstFormat } from "./contract/format-1.contract.ts";
import { naiveSums } from "./contract/naive-sums.contract.ts";
import {
  anyEntries,
  bareEntry,
  dayMs,
  midnight,
  sampleAttempt,
  sampleEntry,
} from "./contract/samples.contract.ts";
import type { LedgerEntry } from "./entry.ts";
import { toLine } from "./entry-line.ts";
import { groupings, type LedgerPeriod, type LedgerStore } from "./ledger-store.ts";

/** An empty ledger: every store that `open` makes is a way to it. */
export interface LedgerPlace {
  open(): LedgerStore;
  /** Empties it, tables and all, behind the backs of its stores. */
  wipe(): Promise<void>;
  /** Runs a statement on it. */
  run(sql: string): Promise<unknown>;
}

const { signal } = new AbortController();

export function describeLedgerStore(name: string, createPlace: () => Promise<LedgerPlace>): void {
  describe(`${name} as a ledger store`, { timeout: 60_000 }, () => {
    let place: LedgerPlace;
    let store: LedgerStore;
    const opened: LedgerStore[] = [];
    const open = () => {
      const made = place.open();
      opened.push(made);
      return made;
    };
    beforeEach(async () => {
      place = await createPlace();
      store = open();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((each) => each.close()));
    });

    const append = (entries: readonly LedgerEntry[], to = store) => to.append(entries.map(toLine), signal);
    const read = async (period: LedgerPeriod = {}, from = store) => {
      const entries: LedgerEntry[] = [];
      for await (const entry of from.entries(period, signal)) entries.push(entry);
      return entries;
    };
    const exchanges = async () => (await store.sums({ by: [] }, signal))[0]?.exchanges ?? 0;
    const failing = async (kind: StoreErrorKind, call: Promise<unknown>) => {
      const error = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(StoreError);
      expect(error).toMatchObject({ kind });
      return (error as StoreError).message; // just checked
    };

    it("is empty at first", async () => {
      expect(await read()).toEqual([]);
      expect(await store.sums({ by: ["target"] }, signal)).toEqual([]);
      expect(await store.facts(signal)).toMatchObject({ entries: 0, oldestMs: undefined });
      expect(await store.prune(midnight, signal)).toBe(0);
    });

    it("gives back what was written, in the order of time, unknown as unknown", async () => {
      const entries = [
        sampleEntry(1),
        bareEntry(2),
        sampleEntry(3, { payload: '{"a":"b\\n"}', mode: "stream", outcome: "aborted", arm: "holdout" }),
        sampleEntry(4, {
          attempts: [
            sampleAttempt({ failure: "timeout", costNanoUsd: undefined, tokens: {} }),
            sampleAttempt({ index: 3, target: "other", isEstimated: true, latencyMs: undefined }),
          ],
        }),
      ];
      await append([entries[2], entries[0]].filter((entry) => entry !== undefined));
      await append([entries[3], entries[1]].filter((entry) => entry !== undefined));
      expect(await read()).toEqual(entries);
    });

    it("compares what chance has put into two arms, each exchange with all of its attempts", async () => {
      const costing = (
        number: number,
        arm: "holdout" | "routed" | undefined,
        ...costs: (number | undefined)[]
      ) =>
        sampleEntry(number, {
          arm,
          attempts: costs.map((usd, index) =>
            sampleAttempt({ index, costNanoUsd: usd === undefined ? undefined : usd * 1e9 }),
          ),
        });
      await append([
        costing(1, "holdout", 3, 1),
        costing(2, "holdout", 6),
        costing(3, "holdout", 1, undefined),
        costing(4, "routed", 1),
        costing(5, undefined, 100),
        costing(6, "routed", 1),
      ]);
      expect(await store.arms({}, signal)).toEqual([
        { arm: "holdout", exchanges: 3, unknown: 1, meanUsd: 5, variance: 2 },
        { arm: "routed", exchanges: 2, unknown: 0, meanUsd: 1, variance: 0 },
      ]);
      expect(await store.arms({ fromMs: midnight + 4, untilMs: midnight + 6 }, signal)).toMatchObject([
        { arm: "routed", exchanges: 1 },
      ]);
    });

    it("tells free from unknown", async () => {
      await append([
        sampleEntry(1, { attempts: [sampleAttempt({ costNanoUsd: 0 })], routingCostNanoUsd: 0 }),
        sampleEntry(2, {
          attempts: [sampleAttempt({ costNanoUsd: undefined })],
          routingCostNanoUsd: undefined,
        }),
      ]);
      const [sums] = await store.sums({ by: [] }, signal);
      expect(sums?.costNanoUsd).toEqual({ sum: 0n, unknown: 1 });
      expect(sums?.routingCostNanoUsd).toEqual({ sum: 0n, unknown: 1 });
    });

    it("keeps the first of two entries with one id, whole, in one batch or in two", async () => {
      const [first, second] = [
        sampleEntry(1),
        sampleEntry(1, {
          consumer: "mallory",
          attempts: [sampleAttempt(), sampleAttempt({ index: 1 })],
          baselines: [{ name: "new", costNanoUsd: 1 }],
        }),
      ];
      await append([first, second]);
      await append([second, first]);
      await Promise.all([append([second]), append([first], open())]);
      expect(await read()).toEqual([first]);
    });

    it("keeps all of a batch or nothing", async () => {
      for (const json of [
        '["broken",0]',
        toLine(sampleEntry(2)).json.replace('"chat"', "[0").slice(0, -1),
        '["broken",\tnull]',
      ])
        await failing("invalid", store.append([toLine(sampleEntry(1)), { id: "broken", json }], signal));
      expect(await read()).toEqual([]);
      await append([sampleEntry(1)]);
      expect(await exchanges()).toBe(1);
    });

    it("keeps texts of every kind, and mends those that no database keeps", async () => {
      const texts = [
        "",
        "'; DROP TABLE x; --",
        '"\\u0000"',
        "\n\r\t",
        "🐈‍⬛",
        "\\",
        "null",
        "1e5",
        "é".repeat(5000),
      ];
      await append(texts.map((consumer, number) => sampleEntry(number, { consumer })));
      await append([sampleEntry(99, { consumer: "a\0b\ud800c", route: "\udc00" })]);
      const consumers = (await read()).map(({ consumer }) => consumer);
      expect(consumers).toEqual([...texts, "a\ufffdb\ufffdc"]);
    });

    it("adds up to what the entries add up to, by anything, in any order of any batches", async () => {
      await fc.assert(
        fc.asyncProperty(
          anyEntries,
          fc.array(fc.nat(1000), { maxLength: 6 }),
          fc.subarray([...groupings]),
          fc.record({
            fromMs: fc.option(fc.integer({ min: midnight - dayMs, max: midnight + dayMs }), {
              nil: undefined,
            }),
            untilMs: fc.option(fc.integer({ min: midnight, max: midnight + 2 * dayMs }), { nil: undefined }),
          }),
          async (entries, cuts, by, period) => {
            await place.wipe();
            // Batches that overlap, in the order of chance.
            await append([]);
            for (const cut of cuts) await append(entries.slice(cut % (entries.length + 1)).toReversed());
            await append(entries);
            expect(await store.sums({ by, ...period }, signal)).toEqual(
              naiveSums(entries, { by, ...period }),
            );
            const sorted = entries.toSorted((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1));
            expect(await read()).toEqual(sorted);
          },
        ),
        { numRuns: 25 },
      );
    });

    it("adds up beyond what a double holds", async () => {
      const cost = Number.MAX_SAFE_INTEGER;
      await append(
        [1, 2, 3].map((number) =>
          sampleEntry(number, { attempts: [sampleAttempt({ costNanoUsd: cost, tokens: { input: cost } })] }),
        ),
      );
      const [sums] = await store.sums({ by: ["target"] }, signal);
      expect(sums?.costNanoUsd.sum).toBe(27_021_597_764_222_973n);
      expect(sums?.tokens.input).toBe(27_021_597_764_222_973n);
    });

    it("reads more than a page, without a gap, where many have one time, and while more is written", async () => {
      const many = Array.from({ length: 1234 }, (_, number) =>
        sampleEntry(number, { timeMs: midnight + Math.floor(number / 700) }),
      );
      await append(many.toReversed());
      const ids: string[] = [];
      for await (const entry of store.entries({}, signal)) {
        ids.push(entry.id);
        if (ids.length === 600)
          await append([sampleEntry(5000), sampleEntry(6000, { timeMs: midnight - 1 })]);
      }
      expect(ids).toEqual([...many.map(({ id }) => id), sampleEntry(5000).id]);
    });

    it("deletes what is old, the oldest first, in small steps, and nothing else", async () => {
      const many = Array.from({ length: 1100 }, (_, number) => sampleEntry(number));
      await append(many);
      const steps: number[] = [];
      do steps.push(await store.prune(midnight + 1050, signal));
      while (steps.at(-1) !== 0);
      expect(steps.length).toBeGreaterThan(2);
      expect(steps.reduce((sum, step) => sum + step)).toBe(1050);
      expect(await read()).toEqual(many.slice(1050));
      const facts = await store.facts(signal);
      expect(facts).toMatchObject({ entries: 50, oldestMs: midnight + 1050 });
      expect(facts.bytes).toBeGreaterThan(1000);
      expect(facts.server).toMatch(/^(?:SQLite|PostgreSQL) \d/);
    });

    it("is opened by many at once", async () => {
      await Promise.all(
        Array.from({ length: 8 }, (_, number) => append([sampleEntry(number), sampleEntry(100)], open())),
      );
      expect(await exchanges()).toBe(9);
    });

    it("survives being closed", async () => {
      await append([sampleEntry(1)]);
      await store.close();
      expect(await failing("aborted", append([sampleEntry(2)]))).toContain("the store is closed");
      await store.close();
      expect(await read({}, open())).toEqual([sampleEntry(1)]);
    });

    it("makes its tables again when somebody has taken them away", async () => {
      await append([sampleEntry(1)]);
      await place.wipe();
      await append([sampleEntry(2)]);
      expect(await read()).toEqual([sampleEntry(2)]);
    });

    it("refuses the tables of a newer Sluice", async () => {
      await append([sampleEntry(1)]);
      await place.run("INSERT INTO sluice_ledger_schema VALUES (9)");
      expect(await failing("unfit", append([sampleEntry(2)], open()))).toMatch(
        /format 9, made by a newer Sluice.*knows 3 at most/,
      );
    });

    it("moves what the first format holds, also when several begin at once", async () => {
      const odd = sampleEntry(1, {
        payload: '{"a":"it\'s\\n"}',
        consumer: "x'y\"z",
        attempts: [5, 0, 3]
          .toSorted()
          .map((index) => sampleAttempt({ index, failure: `f${index}`, tokens: {} })),
        baselines: [{ name: "Größe", costNanoUsd: Number.MAX_SAFE_INTEGER }, { name: "x'y\"z" }],
      });
      const more = Array.from({ length: 4500 }, (_, number) => sampleEntry(number + 3));
      const entries = [odd, bareEntry(2), ...more];
      for (const statement of firstFormat(entries)) await place.run(statement);
      const query = { by: ["target", "consumer"] } as const;
      const both = await Promise.all([store.sums(query, signal), open().sums(query, signal)]);
      for (const sums of both) expect(sums).toEqual(naiveSums(entries, query));
      await append([bareEntry(1), sampleEntry(5000)]);
      expect(await read()).toEqual([...entries, sampleEntry(5000)]);
      expect(await read({}, open())).toHaveLength(entries.length + 1);
      for (const table of ["exchanges", "attempts", "baselines"])
        await expect(place.run(`SELECT 1 FROM sluice_ledger_${table}_1`)).rejects.toThrow();
    });

    it("moves an empty ledger of the first format", async () => {
      for (const statement of firstFormat([])) await place.run(statement);
      await append([sampleEntry(1)]);
      expect(await read()).toEqual([sampleEntry(1)]);
    });

    it("shows the entries as tables of exchanges, attempts and baselines, to whoever asks in SQL", async () => {
      const attempts = [sampleAttempt({ failure: "timeout", costNanoUsd: 5 }), sampleAttempt({ index: 1 })];
      await append([sampleEntry(1, { attempts }), bareEntry(2)]);
      const columns = (names: object) => Object.keys(names).join(", ");
      for (const [sql, expected] of [
        [
          `SELECT ${columns(exchangeColumns)} FROM sluice_ledger_exchanges WHERE status = 503 AND decision_margin IS NULL`,
          1,
        ],
        [
          `SELECT ${columns(exchangeColumns)} FROM sluice_ledger_exchanges WHERE decision_margin = 0.25 AND mode = 'oneshot'`,
          1,
        ],
        [`SELECT exchange_id, ${columns(attemptColumns)} FROM sluice_ledger_attempts`, 2],
        [
          "SELECT 1 FROM sluice_ledger_attempts WHERE position = 0 AND failure = 'timeout' AND cost_nano_usd = 5 AND latency_us = 12345",
          1,
        ],
        [
          "SELECT 1 FROM sluice_ledger_attempts WHERE position = 1 AND failure IS NULL AND price_source = 'config'",
          1,
        ],
        [`SELECT exchange_id, ${columns(baselineColumns)} FROM sluice_ledger_baselines`, 2],
        ["SELECT 1 FROM sluice_ledger_baselines WHERE name = 'strongest' AND cost_nano_usd IS NULL", 1],
      ] as const)
        expect(await place.run(sql), sql).toHaveLength(expected);
    });

    it("is opened for those who stay when the one who began to open it leaves", async () => {
      const controller = new AbortController();
      const leaving = failing("aborted", store.sums({ by: [] }, controller.signal));
      const staying = append([sampleEntry(1)]);
      controller.abort();
      await Promise.all([leaving, staying]);
      expect(await exchanges()).toBe(1);
    });

    it("lets callers leave", async () => {
      const gone = AbortSignal.abort();
      await failing("aborted", store.append([toLine(sampleEntry(1))], gone));
      const controller = new AbortController();
      const leaving = failing("aborted", store.sums({ by: [] }, controller.signal));
      controller.abort();
      await leaving;
      await append([sampleEntry(1)]);
      expect(await exchanges()).toBe(1);
    });
  });
}
