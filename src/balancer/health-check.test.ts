import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { createFakeClock, type FakeClock, settled } from "../../test/support/fake-clock.ts";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import { type HttpCall, HttpCallError, type HttpCallRequest } from "../http/http-call.ts";
import {
  createHealthRecord,
  type HealthCheck,
  type HealthCheckOptions,
  type HealthRecord,
  startHealthCheck,
} from "./health-check.ts";

const intervalMs = 5_000;
const url = "https://user:hidden@model.test/health?key=hidden";

let clock: FakeClock;
let log: ReturnType<typeof createRecordingLogger>;
let record: HealthRecord;
let calls: HttpCallRequest[];
/** What the target answers next: a status, or how the call fails. */
let answer: number | Error;

beforeEach(() => {
  clock = createFakeClock();
  log = createRecordingLogger();
  record = createHealthRecord();
  calls = [];
  answer = 200;
});

const answering: HttpCall = async (call) => {
  calls.push(call);
  if (answer instanceof Error) throw answer;
  return { status: answer, headers: {}, body: "" };
};

function start(
  options: Partial<HealthCheckOptions> = {},
  { call = answering, random = () => 0.5 }: { call?: HttpCall; random?: () => number } = {},
): HealthCheck {
  return startHealthCheck(
    "fake/m0",
    { url, intervalMs, timeoutMs: 1_000, unhealthyAfter: 3, healthyAfter: 2, ...options },
    record,
    { now: clock.now, schedule: clock.schedule, random, call, log },
  );
}

/** The next so many checks, with this answer to each. */
async function checks(count: number, answered: number | Error): Promise<void> {
  answer = answered;
  const before = calls.length;
  await clock.advance(count * intervalMs);
  expect(calls.length - before).toBe(count);
}

const refused = new HttpCallError("connection", "the connection failed: connect ECONNREFUSED 127.0.0.1:1");

describe("an active health check", () => {
  it("asks with GET, without credentials, with its deadline", async () => {
    start();
    await checks(1, 200);
    expect(calls[0]).toMatchObject({ method: "GET", url, headers: {}, timeoutMs: 1_000 });
    expect(calls[0]).not.toHaveProperty("body");
  });

  it("knows nothing of a target before the first check, and trusts the first good one", async () => {
    start();
    expect(record.isHealthy).toBeUndefined();
    await checks(1, 200);
    expect(record.isHealthy).toBe(true);
    expect(log.lines).toEqual([]);
  });

  it("finds a target unhealthy after so many failed checks in a row, and healthy after so many good ones", async () => {
    start();
    await checks(2, refused);
    expect(record.isHealthy).toBeUndefined();
    await checks(1, 503);
    expect(record.isHealthy).toBe(false);
    await checks(1, 200);
    await checks(1, 500);
    await checks(1, 200);
    expect(record.isHealthy).toBe(false);
    await checks(1, 200);
    expect(record.isHealthy).toBe(true);
    await checks(2, 500);
    await checks(1, 200);
    await checks(2, 500);
    expect(record.isHealthy).toBe(true);
    await checks(1, 500);
    expect(record.isHealthy).toBe(false);
  });

  it("says each change once, with the reason and without the address", async () => {
    start();
    await checks(5, refused);
    await checks(5, 200);
    await checks(5, 503);
    expect(log.lines.map(({ level, facts }) => [level, facts["target"], facts["reason"]])).toEqual([
      ["warn", "fake/m0", refused.message],
      ["info", "fake/m0", undefined],
      ["warn", "fake/m0", "answered 503"],
    ]);
    expect(JSON.stringify(log.lines)).not.toContain("hidden");
  });

  it("names no more than the kind of an error of another origin, which may tell the address", async () => {
    start({ unhealthyAfter: 1 });
    await checks(1, new TypeError(`Invalid URL ${url}`));
    expect(log.lines[0]?.facts["reason"]).toBe("could not be asked (TypeError)");
  });

  it.each([200, 204, 301, 401, 404, 429, 499])(
    "takes %d for an answer of a server that is up",
    async (status) => {
      start({ unhealthyAfter: 1 });
      await checks(1, status);
      expect(record.isHealthy).toBe(true);
    },
  );

  it("goes by the expected statuses where they are given", async () => {
    start({ unhealthyAfter: 1, healthyAfter: 1, expectedStatuses: [204, 503] });
    await checks(1, 200);
    expect(record.isHealthy).toBe(false);
    await checks(1, 503);
    expect(record.isHealthy).toBe(true);
  });

  it("never has two checks under way, however long one takes", async () => {
    const answers: ((status: number) => void)[] = [];
    start(
      {},
      {
        call: (call) =>
          new Promise((resolve) => {
            calls.push(call);
            answers.push((status) => resolve({ status, headers: {}, body: "" }));
          }),
      },
    );
    await clock.advance(10 * intervalMs);
    expect(calls).toHaveLength(1);
    expect(clock.timers).toBe(0);
    answers[0]?.(200);
    await clock.advance(intervalMs - 1);
    expect(calls).toHaveLength(1);
    await clock.advance(1);
    expect(calls).toHaveLength(2);
  });

  it("spreads its first check and varies its interval within bounds", async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 0.999, noNaN: true }), async (chance) => {
        clock = createFakeClock();
        calls = [];
        const times: number[] = [];
        const check = start(
          {},
          {
            random: () => chance,
            call: (call) => {
              times.push(clock.now());
              return answering(call);
            },
          },
        );
        await clock.advance(4 * intervalMs);
        check.close();
        const [first = Number.NaN, second = Number.NaN] = times;
        expect(first).toBeLessThanOrEqual(1_000);
        expect(second - first).toBeGreaterThanOrEqual(intervalMs * 0.9);
        expect(second - first).toBeLessThanOrEqual(intervalMs * 1.1);
      }),
      { numRuns: 20 },
    );
  });

  it("says when an unhealthy target can be back at the earliest", async () => {
    const check = start({ unhealthyAfter: 1, healthyAfter: 3 });
    expect(check.retryInMs).toBe(0);
    answer = 500;
    await clock.advance(500);
    expect(check.retryInMs).toBe(3 * intervalMs);
    await clock.advance(1_000);
    expect(check.retryInMs).toBe(3 * intervalMs - 1_000);
    answer = 200;
    await clock.advance(4_000);
    expect(check.retryInMs).toBe(2 * intervalMs);
    await clock.advance(2 * intervalMs);
    expect(record.isHealthy).toBe(true);
    expect(check.retryInMs).toBe(0);
  });

  it("goes on from what was known before a reload", async () => {
    const before = start();
    await checks(3, 500);
    before.close();
    expect(record.isHealthy).toBe(false);
    start();
    await checks(2, 200);
    expect(record.isHealthy).toBe(true);
  });
});

describe("a closed health check", () => {
  it("leaves no timer and asks no more", async () => {
    const check = start();
    await checks(1, 200);
    check.close();
    expect(clock.timers).toBe(0);
    await clock.advance(10 * intervalMs);
    expect(calls).toHaveLength(1);
  });

  it("cancels the check under way, and learns nothing from it", async () => {
    const check = start(
      { unhealthyAfter: 1 },
      {
        call: (call) =>
          new Promise((_, reject) => {
            calls.push(call);
            call.signal.addEventListener("abort", () =>
              reject(new HttpCallError("aborted", "the caller left")),
            );
          }),
      },
    );
    await clock.advance(1_000);
    expect(calls).toHaveLength(1);
    check.close();
    await settled();
    expect(calls[0]?.signal.aborted).toBe(true);
    expect(record).toEqual(createHealthRecord());
    expect(clock.timers).toBe(0);
    expect(log.lines).toEqual([]);
  });

  it("may be closed again", () => {
    const check = start();
    check.close();
    check.close();
    expect(clock.timers).toBe(0);
  });
});
