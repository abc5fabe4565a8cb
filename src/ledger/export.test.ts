import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyEntries, bareEntry, sampleAttempt, sampleEntry } from "./contract/samples.contract.ts";
import { csvRecord } from "./csv.ts";
import type { LedgerEntry } from "./entry.ts";
import { exportEntries } from "./export.ts";

async function* given(entries: readonly LedgerEntry[]) {
  yield* entries;
}

async function textOf(entries: readonly LedgerEntry[], format: "csv" | "jsonl"): Promise<string> {
  let text = "";
  for await (const piece of exportEntries(given(entries), format)) text += piece;
  return text;
}

/** A reader as RFC 4180 describes it. */
function parseCsv(text: string): readonly string[][] {
  const records: string[][] = [];
  let cells: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    cells.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === ",") continue;
    records.push(cells);
    cells = [];
  }
  return records;
}

async function rowsOf(entries: readonly LedgerEntry[]): Promise<readonly Record<string, string>[]> {
  const [header = [], ...records] = parseCsv(await textOf(entries, "csv"));
  return records.map((record) =>
    Object.fromEntries(header.map((name, index) => [name, record[index] ?? ""])),
  );
}

describe("entries as JSON lines", () => {
  it("come back as they were", async () => {
    await fc.assert(
      fc.asyncProperty(anyEntries, async (entries) => {
        const lines = (await textOf(entries, "jsonl")).split("\n").slice(0, -1);
        expect(lines.map((line) => JSON.parse(line))).toEqual(JSON.parse(JSON.stringify(entries)));
      }),
      { numRuns: 30 },
    );
  });
});

describe("entries as CSV", () => {
  it("have a record for each attempt, and one for an exchange without", async () => {
    const two = [
      sampleAttempt({ failure: "timeout" }),
      sampleAttempt({ index: 1, costNanoUsd: 2_000_000_001 }),
    ];
    const rows = await rowsOf([sampleEntry(1, { attempts: two }), bareEntry(2)]);
    expect(rows.map((row) => [row["attempt"], row["attempt_cost_usd"], row["routing_cost_usd"]])).toEqual([
      ["0", "0.000001500", ""],
      ["1", "2.000000001", "0.000000020"],
      ["", "", ""],
    ]);
    expect(rows[1]).toMatchObject({
      time: "2026-11-28T00:00:00.001Z",
      attempt_failure: "",
      baselines_usd: '{"cheapest":"0.000000100","strongest":null}',
      is_last_attempt: "true",
    });
  });

  it("have as many cells as the header, whatever is in them", async () => {
    await fc.assert(
      fc.asyncProperty(anyEntries, async (entries) => {
        const records = parseCsv(await textOf(entries, "csv"));
        const attempts = entries.reduce((sum, entry) => sum + Math.max(1, entry.attempts.length), 0);
        expect(records).toHaveLength(1 + attempts);
        for (const record of records) expect(record).toHaveLength(records[0]?.length ?? 0);
      }),
      { numRuns: 30 },
    );
  });

  it("run nothing in a spreadsheet, and leave numbers numbers", () => {
    expect(csvRecord(["=1+1", "+1", "-1", "@x", "\tx", "\rx", "a=b", -0.5])).toBe(
      `'=1+1,'+1,'-1,'@x,'\tx,"'\rx",a=b,-0.5\r\n`,
    );
  });

  it("quote what would break a record", () => {
    expect(csvRecord(['say "hi"', "a,b", "a\nb", "plain", undefined, ""])).toBe(
      '"say ""hi""","a,b","a\nb",plain,,\r\n',
    );
  });
});

describe("an export", () => {
  it("reads no farther than its reader takes it", async () => {
    let read = 0;
    async function* endless() {
      for (;;) yield sampleEntry(read++);
    }
    const taken: string[] = [];
    const slow = new Writable({
      decodeStrings: false,
      highWaterMark: 1,
      write(piece, _encoding, done) {
        taken.push(piece);
        // Takes two pieces, then breaks.
        done(taken.length < 2 ? null : new Error("enough"));
      },
    });
    await expect(pipeline(exportEntries(endless(), "jsonl"), slow)).rejects.toThrow("enough");
    expect(read).toBeLessThan(1000);
  });
});
