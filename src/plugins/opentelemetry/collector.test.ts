import { describe, expect, it } from "vitest";
import { createFakeClock } from "../../../test/support/fake-clock.ts";
import { createFakeUpstream, type FakeAnswer } from "../../../test/support/fake-upstream.ts";
import { createRecordingLogger } from "../../../test/support/recording-logger.ts";
import { Contact } from "../../telemetry/contact.ts";
import { Collector } from "./collector.ts";

const batch = new Uint8Array([1, 2, 3]);

function make(answers: readonly (FakeAnswer | Error)[], settings = {}) {
  const clock = createFakeClock();
  const upstream = createFakeUpstream(answers);
  const log = createRecordingLogger();
  const contact = new Contact({
    what: "the collector",
    meanwhile: "we wait",
    place: "x",
    log,
    now: clock.now,
  });
  const collector = new Collector(
    {
      endpoint: new URL("http://collector:4318/v1/traces?key=k"),
      headers: { "x-token": "t" },
      connectTimeoutMs: 100,
      writeTimeoutMs: 200,
      readTimeoutMs: 300,
      maxRetryTimeMs: 1_000,
      firstRetryMs: 100,
      lastRetryMs: 300,
      ...settings,
    },
    { now: clock.now, schedule: clock.schedule, wallClock: () => 0, upstream },
    contact,
  );
  return { clock, upstream, collector, contact, log };
}

/** What becomes of a sending, as soon as it has ended. */
function outcomeOf(sending: Promise<unknown>) {
  const outcome: { taken?: true; error?: Error } = {};
  sending.then(
    () => Object.assign(outcome, { taken: true }),
    (error: Error) => Object.assign(outcome, { error }),
  );
  return outcome;
}

const ok: FakeAnswer = { status: 200, body: "" };
const refusing = (status: number, headers = {}): FakeAnswer => ({ status, headers, body: "" });
const refused = new Error("connect ECONNREFUSED");

describe("a collector", () => {
  it("is sent a batch as bytes, with the config's headers and deadlines", async () => {
    const { clock, collector, contact, upstream } = make([ok]);
    await collector.send(batch);
    expect(upstream.calls).toEqual([
      {
        origin: "http://collector:4318",
        path: "/v1/traces?key=k",
        method: "POST",
        headers: { "content-type": "application/x-protobuf", "x-token": "t" },
        body: batch,
        connectTimeoutMs: 100,
        writeTimeoutMs: 200,
        readTimeoutMs: 300,
      },
    ]);
    expect([collector.batches, contact.state, clock.timers]).toEqual([1, "up", 0]);
  });

  it("is tried again after growing pauses while that may help, and one line says that it is away", async () => {
    const { clock, collector, log, upstream } = make([
      refused,
      refusing(503),
      refusing(429),
      refusing(502),
      ok,
    ]);
    const outcome = outcomeOf(collector.send(batch));
    const calls: number[] = [];
    for (let at = 0; at <= 900; at += 100) {
      await clock.advance(at === 0 ? 0 : 100);
      calls.push(upstream.calls.length);
    }
    expect(calls).toEqual([1, 2, 2, 3, 3, 3, 4, 4, 4, 5]);
    expect(outcome.taken).toBe(true);
    expect(log.lines.map(({ message }) => message)).toEqual([
      "the collector is away; we wait",
      "the collector answers again",
    ]);
  });

  it("waits as long as it asks to", async () => {
    const { clock, collector, upstream } = make([refusing(429, { "retry-after": "0.9" }), ok]);
    const outcome = outcomeOf(collector.send(batch));
    await clock.advance(899);
    expect(upstream.calls).toHaveLength(1);
    await clock.advance(1);
    expect(outcome.taken).toBe(true);
  });

  it("is given up once the time is over, or at once where waiting does not help", async () => {
    const away = make(Array.from({ length: 10 }, () => refused));
    const outcome = outcomeOf(away.collector.send(batch));
    await away.clock.advance(2_000);
    expect(outcome.error).toMatchObject({ kind: "unreachable", message: "connect ECONNREFUSED" });
    expect(away.upstream.calls).toHaveLength(5);
    for (const [status, kind] of [
      [400, "unfit"],
      [401, "denied"],
      [404, "unfit"],
      [500, "unfit"],
    ] as const) {
      const { collector, upstream } = make([refusing(status)]);
      await expect(collector.send(batch)).rejects.toMatchObject({
        kind,
        message: `it answers with status ${status}`,
      });
      expect(upstream.calls).toHaveLength(1);
    }
  });

  it("has one deadline for a try, whatever it does meanwhile", async () => {
    const { clock, collector } = make([{ hangs: true }], { maxRetryTimeMs: 0 });
    const outcome = outcomeOf(collector.send(batch));
    await clock.advance(599);
    expect(outcome).toEqual({});
    await clock.advance(1);
    expect(outcome.error?.message).toBe("no answer within 600 ms");
    expect(clock.timers).toBe(0);
  });

  it("gets one last try when a stop is near, and none goes on after the end", async () => {
    const { clock, collector, upstream } = make([refused, { hangs: true }]);
    const outcome = outcomeOf(collector.send(batch));
    await clock.advance(0);
    collector.hurry();
    await clock.advance(0);
    expect(upstream.calls).toHaveLength(2);
    collector.end();
    await clock.advance(0);
    expect(outcome.error?.message).toBe("the gateway stops");
    expect(clock.timers).toBe(0);
  });
});
