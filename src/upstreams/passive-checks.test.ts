import { beforeEach, describe, expect, it } from "vitest";
import type { Outcome } from "../balancer/balancer.ts";
import { healthchecksBlock } from "./healthchecks.ts";
import { createPassiveRecord, PassiveHealth, tryAgainMs } from "./passive-checks.ts";

let time: number;
let events: string[];
beforeEach(() => {
  time = 1_000;
  events = [];
});

type Limits = { http_failures?: number; tcp_failures?: number; timeouts?: number };

function create(unhealthy: Limits, more: { successes?: number; type?: string; canRecover?: boolean } = {}) {
  const { canRecover = false, successes = 0, type = "http" } = more;
  const { passive } = healthchecksBlock.parse({ passive: { type, unhealthy, healthy: { successes } } });
  return new PassiveHealth(createPassiveRecord(), passive, {
    now: () => time,
    canRecover,
    onOpen: () => events.push("out"),
    onClose: () => events.push("back"),
  });
}

const answer = (status: number): Outcome =>
  status < 500
    ? { ok: true, status, latencyMs: 1 }
    : { ok: false, failure: `http_${status}`, status, latencyMs: 1 };
const refused: Outcome = { ok: false, failure: "error", latencyMs: 1 };
const silent: Outcome = { ok: false, failure: "timeout", latencyMs: 1 };
const left: Outcome = { ok: false, aborted: true, latencyMs: 1 };

function attempt(health: PassiveHealth, outcome: Outcome): void {
  expect(health.admits(time)).toBe(true);
  health.end(health.begin(), outcome);
}

describe("passive checks", () => {
  it("are off by default: whatever happens, the target is used", () => {
    const health = create({});
    for (const outcome of [refused, silent, answer(500)]) attempt(health, outcome);
    expect(health).toMatchObject({ state: "off", failures: 0, isOut: false });
  });

  it("count each sort of failure by itself", () => {
    const health = create({ http_failures: 2, tcp_failures: 2, timeouts: 2 });
    for (const outcome of [refused, silent, answer(503)]) attempt(health, outcome);
    expect(health).toMatchObject({ state: "closed", failures: 3 });
    attempt(health, silent);
    expect(health).toMatchObject({ state: "open", retryInMs: tryAgainMs });
    expect(health.admits(time)).toBe(false);
    expect(events).toEqual(["out"]);
  });

  it("take a good answer as the end of a row, and statuses in no list for nothing", () => {
    const health = create({ http_failures: 2 });
    for (const status of [500, 200, 500]) attempt(health, answer(status));
    expect(health.isOut).toBe(false);
    attempt(health, answer(404));
    attempt(health, left);
    expect(health.failures).toBe(1);
    attempt(health, answer(429));
    expect(health.isOut).toBe(true);
  });

  it("of the type tcp look at no status", () => {
    const health = create({ http_failures: 1, tcp_failures: 1 }, { type: "tcp" });
    attempt(health, answer(500));
    expect(health.isOut).toBe(false);
    attempt(health, { ok: false, failure: "stream", status: 200, latencyMs: 1 });
    expect(health.isOut).toBe(true);
  });

  it("let one request through after a while, whose good answer brings the target back", () => {
    const health = create({ tcp_failures: 1 });
    attempt(health, refused);
    time += tryAgainMs;
    const ticket = health.begin();
    expect(health.admits(time)).toBe(false);
    health.end(ticket, answer(200));
    expect(health).toMatchObject({ state: "closed", failures: 0 });
    expect(events).toEqual(["out", "back"]);
  });

  it("keep it out when the trial fails in another way", () => {
    const health = create({ tcp_failures: 1, http_failures: 5 });
    attempt(health, refused);
    time += tryAgainMs;
    attempt(health, answer(500));
    expect(health.admits(time)).toBe(false);
    expect(health.retryInMs).toBe(tryAgainMs);
  });

  it("want as many good answers in a row as are asked for", () => {
    const health = create({ tcp_failures: 1 }, { successes: 2 });
    attempt(health, refused);
    time += tryAgainMs;
    attempt(health, answer(200));
    expect(health.state).toBe("half-open");
    attempt(health, answer(200));
    expect(health.state).toBe("closed");
  });

  it("leave it to active checks where there are some, and to nobody else", () => {
    const health = create({ tcp_failures: 1 }, { canRecover: true });
    attempt(health, refused);
    time += 1e9;
    expect(health.admits(time)).toBe(false);
    health.reset();
    expect(health.admits(time)).toBe(true);
    expect(health.failures).toBe(0);
  });

  it("want them anew when another process has found the target bad again", () => {
    const [here, there] = [1, 2].map(() => create({ tcp_failures: 1 }, { successes: 2 })) as [
      PassiveHealth,
      PassiveHealth,
    ]; // two were made
    attempt(here, refused);
    time += tryAgainMs;
    for (let count = 0; count < 2; count++) attempt(here, answer(200));
    expect(here.isOut).toBe(false);
    const pass = (from: PassiveHealth, to: PassiveHealth) =>
      to.hear([{ row: from.tell(), clockOffsetMs: 0, isAlive: true }], 0);
    pass(here, there);
    attempt(there, refused);
    pass(there, here);
    time += tryAgainMs + 1;
    attempt(here, answer(200));
    expect(here.isOut).toBe(true);
    attempt(here, answer(200));
    expect(here.isOut).toBe(false);
  });

  it("are told to other processes, which count with them", () => {
    const [here, there] = [create({ tcp_failures: 2 }), create({ tcp_failures: 2 })];
    attempt(here, refused);
    const pass = (from: PassiveHealth, to: PassiveHealth) =>
      to.hear([{ row: from.tell(), clockOffsetMs: 0, isAlive: true }], 20);
    pass(here, there);
    attempt(there, refused);
    expect(there.isOut).toBe(true);
    pass(there, here);
    expect(here.isOut).toBe(true);
    here.reset();
    pass(here, there);
    expect(there.isOut).toBe(false);
  });
});
