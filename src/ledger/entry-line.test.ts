import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entryColumns } from "./columns.ts";
import { firstLine } from "./contract/format-1.contract.ts";
import { anyEntries, bareEntry, sampleAttempt, sampleEntry } from "./contract/samples.contract.ts";
import { parseLine, toLine } from "./entry-line.ts";

describe("the line of an entry", () => {
  it("is an array of the columns' cells, with a tab before each that is JSON itself, and nowhere else", () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        for (const entry of [...entries, sampleEntry(1, { consumer: "a\tb", payload: "\t,\t\n" })]) {
          const { id, json } = toLine(entry);
          expect(id).toBe(entry.id);
          expect(json).not.toContain("\n");
          expect(JSON.parse(json)).toHaveLength(Object.keys(entryColumns).length);
          const parts = json.slice(1, -1).split(",\t");
          expect(parts).toHaveLength(4);
          for (const part of parts.slice(1)) expect(JSON.parse(part)).toBeTypeOf("object");
        }
      }),
    );
  });

  it("has the earlier attempts only where there are some", () => {
    const earlier = ({ json }: { json: string }) => JSON.parse(json).at(-1);
    expect(earlier(toLine(bareEntry(1)))).toBeNull();
    expect(earlier(toLine(sampleEntry(1)))).toBeNull();
    const two = [sampleAttempt({ failure: "timeout" }), sampleAttempt({ index: 1 })];
    expect(earlier(toLine(sampleEntry(1, { attempts: two })))).toMatchObject([{ failure: "timeout" }]);
  });

  it("keeps a baseline of any name", () => {
    const names = ["__proto__", "constructor", "1", ""];
    const { json } = toLine(sampleEntry(1, { baselines: names.map((name) => ({ name, costNanoUsd: 7 })) }));
    expect(json).toContain('{"__proto__":7,"constructor":7,"1":7,"":7}');
  });

  it("mends what no database keeps, wherever it stands, and nothing that looks like it", () => {
    const odd = "\0\ud800\\u0000";
    const mended = "\ufffd\ufffd\\u0000";
    const attempts = [sampleAttempt({ failure: odd }), sampleAttempt({ index: 1, target: odd })];
    const entry = sampleEntry(1, { attempts, payload: odd, baselines: [{ name: odd, costNanoUsd: 1 }] });
    const cells = JSON.parse(toLine(entry).json);
    expect(cells[4]).toBe(mended);
    expect(cells.slice(-3)).toMatchObject([{ [mended]: 1 }, { payload: mended }, [{ failure: mended }]]);
  });

  it("refuses what is no number, and what stands twice", () => {
    const attempt = sampleAttempt();
    for (const [changes, message] of [
      [{ id: "" }, "the id is empty"],
      [{ latencyMs: Number.NaN }, "latencyMs is NaN, not a whole number from 0"],
      [{ status: -1 }, "status is -1, not a whole number from 0"],
      [
        { decision: { reason: "r", distance: Number.POSITIVE_INFINITY } },
        "distance is Infinity, not a number",
      ],
      [{ attempts: [attempt, attempt] }, "two attempts have one index"],
      [{ baselines: [{ name: "a" }, { name: "b" }, { name: "a" }] }, "two baselines have one name"],
    ] as const)
      expect(() => toLine(sampleEntry(1, changes))).toThrow(message);
  });

  it("is read back as it is", () => {
    const line = toLine(sampleEntry(1));
    expect(parseLine(line.json)).toEqual(line);
  });

  it("of the first form is read as one of this form", () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        for (const entry of [...entries, sampleEntry(1), bareEntry(2)])
          expect(parseLine(firstLine(entry))).toEqual(toLine(entry));
      }),
    );
  });

  it("is none when it is torn or something else", () => {
    const texts = [
      "",
      "{}",
      "[]",
      "[[],[]]",
      "[[[0]],[],7]",
      "[1]",
      toLine(sampleEntry(1)).json.slice(0, -3),
    ];
    for (const text of texts) expect(parseLine(text)).toBeUndefined();
    expect(parseLine(firstLine(sampleEntry(1)).slice(0, -3))).toBeUndefined();
  });
});
