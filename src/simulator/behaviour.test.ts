import { describe, expect, it } from "vitest";
import {
  behaviourFromHeaders,
  drawFaults,
  knobNames,
  mergeBehaviours,
  parseBehaviour,
  parseKnob,
} from "./behaviour.ts";
import { seededRandom } from "./text/random.ts";

describe("parseBehaviour", () => {
  it("takes every kind of knob", () => {
    const behaviour = { latencyMs: 1.5, status: 503, hang: false, content: "hello" };
    expect(parseBehaviour(behaviour)).toEqual(behaviour);
  });

  it.each([
    [{ latency: 5 }, /unknown knob "latency": there are latencyMs/],
    [{ latencyMs: -1 }, /knob "latencyMs" takes a number from 0 to 3600000, not -1/],
    [{ status: 200 }, /knob "status" takes a whole number from 400 to 599, not 200/],
    [{ chunkBytes: 0 }, /knob "chunkBytes" takes a whole number of at least 1, not 0/],
    [{ chunkBytes: 1.5 }, /whole number/],
    [{ hang: "yes" }, /knob "hang" takes true or false, not "yes"/],
    [{ content: 5 }, /knob "content" takes a text/],
    [{ latencyMs: Number.NaN }, /takes a number/],
    [JSON.parse('{"__proto__": 1}'), /unknown knob "__proto__"/],
    [[], /a behaviour is an object/],
    [undefined, /a behaviour is an object/],
  ])("refuses %j and says why", (value, message) => {
    expect(() => parseBehaviour(value)).toThrow(message);
  });
});

describe("behaviourFromHeaders", () => {
  it("reads its own headers and leaves the others alone", () => {
    const headers = {
      host: "x",
      "x-simulate-latency-ms": "20",
      "x-simulate-hang": "",
      "x-simulate-no-done": "FALSE",
    };
    expect(behaviourFromHeaders(headers)).toEqual({ latencyMs: 20, hang: true, noDone: false });
  });

  it("refuses a header it does not know and a value that does not fit", () => {
    expect(() => behaviourFromHeaders({ "x-simulate-latency": "20" })).toThrow(
      /unknown header "x-simulate-latency"/,
    );
    expect(() => behaviourFromHeaders({ "x-simulate-status": "soon" })).toThrow(/knob "status" takes/);
    expect(() => behaviourFromHeaders({ "x-simulate-status": "" })).toThrow(/not ""/);
    expect(() => parseKnob("gzip", "perhaps")).toThrow(/true or false, not "perhaps"/);
  });
});

describe("drawFaults", () => {
  it("hits the given share of requests and keeps what is no fault", () => {
    const random = seededRandom(3);
    const draws = Array.from({ length: 2000 }, () =>
      drawFaults({ failRate: 0.25, hang: true, latencyMs: 9 }, random),
    );
    const share = draws.filter(({ hang }) => hang === true).length / draws.length;
    expect(share).toBeGreaterThan(0.22);
    expect(share).toBeLessThan(0.28);
    expect(draws.every(({ latencyMs }) => latencyMs === 9)).toBe(true);
  });

  it("means status 500 where no fault is named", () => {
    expect(drawFaults({ failRate: 1, gzip: true }, () => 0.5)).toMatchObject({ status: 500, gzip: true });
    expect(drawFaults({ failRate: 0 }, () => 0)).not.toHaveProperty("status");
  });
});

describe("mergeBehaviours", () => {
  it("lets the later win knob by knob", () => {
    expect(mergeBehaviours({ status: 500, latencyMs: 1 }, undefined, { status: 429 })).toEqual({
      status: 429,
      latencyMs: 1,
    });
  });

  it("has a knob table without doubles in kebab case", () => {
    expect(new Set(knobNames).size).toBe(knobNames.length);
  });
});
