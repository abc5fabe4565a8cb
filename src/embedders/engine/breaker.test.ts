import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import {
  type Breaker,
  type BreakerState,
  createBreaker,
  failuresToOpen,
  openMs,
  type Permit,
} from "./breaker.ts";

let time: number;
let changes: BreakerState[];
let breaker: Breaker;

beforeEach(() => {
  time = 1000;
  changes = [];
  breaker = createBreaker({ now: () => time, onChange: (state) => changes.push(state) });
});

function enter(): Permit {
  const permit = breaker.enter();
  if (permit === undefined) throw new Error("the breaker let nobody in");
  return permit;
}

function open(): void {
  for (let i = 0; i < failuresToOpen; i++) enter().fail();
}

describe("breaker", () => {
  it("opens at the fifth failure in a row and not before", () => {
    for (let i = 1; i < failuresToOpen; i++) enter().fail();
    expect(breaker.state).toBe("closed");
    enter().fail();
    expect(breaker.state).toBe("open");
    expect(breaker.enter()).toBeUndefined();
    expect(breaker.retryInMs).toBe(openMs);
  });

  it("counts only failures in a row", () => {
    for (let i = 0; i < 20; i++) {
      for (let j = 1; j < failuresToOpen; j++) enter().fail();
      enter().succeed();
    }
    expect(changes).toEqual([]);
  });

  it("lets exactly one probe in when the time is up", () => {
    open();
    time += openMs - 1;
    expect(breaker.enter()).toBeUndefined();
    time += 1;
    const probe = enter();
    expect(breaker.state).toBe("half-open");
    expect(breaker.enter()).toBeUndefined();
    probe.succeed();
    expect(breaker.state).toBe("closed");
    expect(changes).toEqual(["open", "half-open", "closed"]);
  });

  it("opens again for the whole time when the probe fails", () => {
    open();
    time += openMs;
    enter().fail();
    expect(breaker.state).toBe("open");
    expect(breaker.retryInMs).toBe(openMs);
    time += openMs;
    enter().succeed();
    expect(breaker.state).toBe("closed");
  });

  it("lets another probe in when the first one's caller left", () => {
    open();
    time += openMs;
    enter().withdraw();
    enter().succeed();
    expect(breaker.state).toBe("closed");
  });

  it("does not listen to calls from before it opened", () => {
    const early = [enter(), enter(), enter()];
    open();
    early[0]?.succeed();
    expect(breaker.state).toBe("open");
    time += openMs;
    const probe = enter();
    early[1]?.fail();
    early[2]?.withdraw();
    expect(breaker.state).toBe("half-open");
    expect(breaker.enter()).toBeUndefined();
    probe.succeed();
    expect(breaker.state).toBe("closed");
  });

  it("takes one word from each permit", () => {
    const permit = enter();
    for (let i = 0; i < 10; i++) permit.fail();
    expect(breaker.state).toBe("closed");
  });

  it("never locks up: after any history, waiting and one success close it", () => {
    const step = fc.record({
      what: fc.constantFrom("succeed", "fail", "withdraw", "keep"),
      wait: fc.nat(6000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const fresh = createBreaker({ now: () => time, onChange: () => {} });
        const kept: Permit[] = [];
        for (const { what, wait } of steps) {
          time += wait;
          const permit = fresh.enter();
          if (what === "keep") kept.push(...(permit === undefined ? [] : [permit]));
          else permit?.[what as "succeed"]();
        }
        for (const permit of kept) permit.withdraw();
        time += openMs;
        const last = fresh.enter();
        expect(last).toBeDefined();
        last?.succeed();
        expect(fresh.state).toBe("closed");
      }),
    );
  });
});
