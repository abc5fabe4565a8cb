import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { relayLines } from "./line-relay.ts";

/** Reads `chunks` as a worker's output, to a reader that takes everything at once. */
async function relay(chunks: readonly Buffer[]): Promise<{ writes: string[]; rest: string }> {
  const from = new PassThrough();
  const writes: string[] = [];
  let rest = "";
  const to = {
    write(text: string, done: () => void) {
      writes.push(text);
      done();
    },
  };
  relayLines(from, to, (cut) => {
    rest = cut;
  });
  for (const chunk of chunks) from.write(chunk);
  from.end();
  await new Promise((resolve) => from.on("close", resolve));
  return { writes, rest };
}

describe("a worker's output", () => {
  it("arrives in whole lines, wherever its pieces were cut", async () => {
    const line = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", " "));
    await fc.assert(
      fc.asyncProperty(fc.array(line), line, fc.array(fc.nat(200)), async (lines, rest, cuts) => {
        const whole = lines.map((each) => `${each}\n`).join("");
        const bytes = Buffer.from(whole + rest);
        const places = [
          0,
          ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b),
          bytes.length,
        ];
        const chunks = places.slice(1).map((end, at) => bytes.subarray(places[at], end));
        const relayed = await relay(chunks);
        expect(relayed.writes.join("")).toBe(whole);
        for (const each of relayed.writes) expect(each.endsWith("\n")).toBe(true);
        expect(relayed.rest).toBe(rest);
      }),
      { numRuns: 50 },
    );
  });

  it("waits for a reader that is slow, so that the worker's own pipe fills", async () => {
    const from = new PassThrough({ highWaterMark: 64 * 1024 });
    const taken: (() => void)[] = [];
    relayLines(from, { write: (_text, done) => void taken.push(done) }, () => undefined);
    const line = Buffer.from(`${"x".repeat(512 * 1024 - 1)}\n`);
    for (let at = 0; at < 3; at++) {
      from.write(line);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken.length).toBe(3);
    expect(from.isPaused()).toBe(true);
    from.write(line);
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken.length).toBe(3);
    for (const done of taken.splice(0)) done();
    expect(from.isPaused()).toBe(false);
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken.length).toBe(1);
  });
});
