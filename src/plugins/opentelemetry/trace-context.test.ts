import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { b3, b3Single, type TraceContext, type TraceFormat, w3c } from "./trace-context.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
const isId = (id: string) => /[^0]/.test(id);
const contexts = fc.record({
  traceId: hex(32).filter(isId),
  spanId: hex(16).filter(isId),
  isSampled: fc.boolean(),
});

describe.each<[string, TraceFormat]>([
  ["w3c", w3c],
  ["b3", b3],
  ["b3-single", b3Single],
])("%s", (_name, format) => {
  it("reads what it has written", () => {
    fc.assert(
      fc.property(contexts, (context) => {
        const headers = format.write(context);
        expect(format.read(headers)).toEqual(format === w3c ? { ...context, state: undefined } : context);
        for (const name of Object.keys(headers)) expect(format.names).toContain(name);
      }),
    );
  });

  it("never throws, and lets nothing through that is no context", () => {
    const value = fc.oneof(
      fc.string(),
      fc.array(fc.string(), { maxLength: 3 }),
      hex(32),
      fc.constant("0-0-1"),
    );
    const headers = fc.record(Object.fromEntries(format.names.map((name) => [name, value])), {
      requiredKeys: [],
    });
    fc.assert(
      fc.property(headers, (given) => {
        const context: TraceContext | undefined = format.read(given);
        if (context === undefined) return;
        expect(context.traceId).toMatch(/^(?!0+$)[0-9a-f]{32}$/);
        expect(context.spanId).toMatch(/^(?!0+$)[0-9a-f]{16}$/);
      }),
    );
  });

  it("reads nothing where there is nothing", () => {
    expect(format.read({})).toBeUndefined();
  });
});

describe("w3c", () => {
  const read = (traceparent: string, tracestate?: string) =>
    w3c.read({ traceparent, ...(tracestate !== undefined && { tracestate }) });

  it("reads the recommendation's examples", () => {
    expect(read(`00-${traceId}-${spanId}-01`)).toEqual({
      traceId,
      spanId,
      isSampled: true,
      state: undefined,
    });
    expect(read(`00-${traceId}-${spanId}-00`)?.isSampled).toBe(false);
    expect(read(`00-${traceId}-${spanId}-01`, "congo=t61rcWkgMzE")?.state).toBe("congo=t61rcWkgMzE");
  });

  it("looks at the one flag that it knows", () => {
    expect(read(`00-${traceId}-${spanId}-03`)?.isSampled).toBe(true);
    expect(read(`00-${traceId}-${spanId}-fe`)?.isSampled).toBe(false);
  });

  it("reads later versions as far as it knows them", () => {
    expect(read(`cc-${traceId}-${spanId}-01`)?.traceId).toBe(traceId);
    expect(read(`cc-${traceId}-${spanId}-01-what-the-future-brings`)?.traceId).toBe(traceId);
  });

  it.each([
    "",
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${traceId}-${spanId}-01.`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId.slice(1)}-${spanId}-01`,
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-1`,
    `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
  ])("takes %j for none", (traceparent) => {
    expect(read(traceparent, "congo=t61")).toBeUndefined();
  });
});

describe("b3", () => {
  it("takes short trace ids, and those who leave the decision to us", () => {
    expect(b3.read({ "x-b3-traceid": "A3CE929D0E0E4736", "x-b3-spanid": spanId })).toEqual({
      traceId: "0000000000000000a3ce929d0e0e4736",
      spanId,
      isSampled: undefined,
    });
    expect(b3Single.read({ b3: `${traceId}-${spanId}` })?.isSampled).toBeUndefined();
  });

  it("takes debugging for sampled, and a decision alone for no context", () => {
    const ids = { "x-b3-traceid": traceId, "x-b3-spanid": spanId };
    expect(b3.read({ ...ids, "x-b3-flags": "1" })?.isSampled).toBe(true);
    expect(b3.read({ ...ids, "x-b3-sampled": "false" })?.isSampled).toBe(false);
    expect(b3Single.read({ b3: `${traceId}-${spanId}-d-${spanId}` })?.isSampled).toBe(true);
    expect(b3Single.read({ b3: "0" })).toBeUndefined();
  });
});
