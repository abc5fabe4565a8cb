import { describe, expect, it } from "vitest";
import { createAiFacts, createRecord } from "../../test/support/access-records.ts";
import { settled } from "../../test/support/fake-clock.ts";
import { createJsonSink, createPrettySink } from "./sinks.ts";

/** A writer whose reader is as fast as the test lets it be. */
function createWriter() {
  const writes: string[] = [];
  const waiting: (() => void)[] = [];
  return {
    writes,
    write: (text: string, done: () => void) => {
      writes.push(text);
      waiting.push(done);
      return false;
    },
    drain: () => {
      for (const done of waiting.splice(0)) done();
    },
  };
}

const numbered = (status: number) => createRecord({ end: { status } });
const statusesOf = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).response.status);

describe("a sink of JSON lines", () => {
  it("writes one object a line, in order, the lines of one turn together", async () => {
    const out = createWriter();
    const sink = createJsonSink(out, () => undefined);
    for (let status = 200; status < 205; status++) sink.write(numbered(status));
    expect(out.writes).toEqual([]);
    await settled();
    expect(out.writes).toHaveLength(1);
    sink.write(numbered(205));
    await settled();
    expect(out.writes.flatMap(statusesOf)).toEqual([200, 201, 202, 203, 204, 205]);
  });

  it("drops what a slow reader has no room for, and says how many, once it reads again", async () => {
    const out = createWriter();
    const dropped: number[] = [];
    const sink = createJsonSink(out, (count) => dropped.push(count));
    const big = createRecord({ headers: { "x-big": "x".repeat(1024 * 1024) } });
    for (let count = 0; count < 40; count++) {
      sink.write(big);
      await settled();
    }
    const kept = out.writes.length;
    expect(kept).toBeGreaterThan(14);
    expect(kept).toBeLessThan(18);
    expect(dropped).toEqual([]);
    out.drain();
    expect(dropped).toEqual([40 - kept]);
    sink.write(big);
    await settled();
    expect(out.writes).toHaveLength(kept + 1);
    out.drain();
    expect(dropped).toEqual([40 - kept]);
  });

  it("writes what it has when it is closed, and waits until that has been taken", async () => {
    const out = createWriter();
    const sink = createJsonSink(out, () => undefined);
    sink.write(numbered(200));
    let isClosed = false;
    const closing = sink.close().then(() => {
      isClosed = true;
    });
    expect(out.writes.flatMap(statusesOf)).toEqual([200]);
    await settled();
    expect(isClosed).toBe(false);
    out.drain();
    await closing;
    expect(out.writes).toHaveLength(1);
  });

  it("closes at once where nothing waits", async () => {
    await createJsonSink(createWriter(), () => undefined).close();
  });

  it("tells of what it dropped before it closes", async () => {
    const out = createWriter();
    const dropped: number[] = [];
    const sink = createJsonSink(out, (count) => dropped.push(count));
    const big = createRecord({ headers: { "x-big": "x".repeat(17 * 1024 * 1024) } });
    sink.write(big);
    sink.write(big);
    const closing = sink.close();
    out.drain();
    await closing;
    expect(dropped).toEqual([1]);
  });
});

describe("a sink of lines for people", () => {
  async function lineOf(...record: Parameters<typeof createRecord>): Promise<string> {
    const out = createWriter();
    const sink = createPrettySink(out, () => undefined);
    sink.write(createRecord(...record));
    await settled();
    return out.writes.join("");
  }

  it("says time, method, path, status and duration", async () => {
    expect(await lineOf({ now: 12.4 })).toBe("22:13:20.000  POST  /anything  200  12 ms\n");
  });

  it("says where a prompt went and why, its tokens and its cost", async () => {
    const ai = createAiFacts({
      provider: "openai",
      requestModel: "m0",
      costUsd: 0.00002,
      usage: { inputTokens: 10, outputTokens: 5 },
      decision: {
        reason: "matched",
        groups: [{ description: "d", targets: [], distance: 0.41249, within: true }],
      },
    });
    expect(await lineOf({ exchange: { ai } })).toContain(
      "→ openai/m0  matched at 0.412  10+5 tokens  $0.000020\n",
    );
  });

  it("does not call an unknown cost nothing, and tells of errors", async () => {
    const ai = createAiFacts({
      usage: { inputTokens: 1, outputTokens: 1 },
      decision: { reason: "fallback", groups: [] },
    });
    const line = await lineOf({ exchange: { ai }, error: new Error("it broke") });
    expect(line).toContain("fallback  1+1 tokens  cost unknown  (it broke)\n");
  });
});
