import { describe, expect, it } from "vitest";
import { opentelemetryConfig } from "./config.ts";
import { createPropagation } from "./propagation.ts";
import { b3, b3Single, w3c } from "./trace-context.ts";

const make = (config: Record<string, unknown> = {}) => createPropagation(opentelemetryConfig.parse(config));
const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const context = { traceId, spanId, isSampled: true };
const all = { ...w3c.write({ ...context, spanId: "1".repeat(16) }), ...b3.write(context) };

describe("propagation", () => {
  it("reads b3 before w3c, and answers in the format it was spoken to, as Kong does", () => {
    const { extract, formatsFor } = make();
    expect(extract(all)).toMatchObject({ format: b3, context: { spanId } });
    expect(extract(w3c.write(context))?.format).toBe(w3c);
    expect(extract({})).toBeUndefined();
    expect([b3Single, b3, w3c, undefined].map((format) => formatsFor(format))).toEqual([
      [b3Single],
      [b3],
      [w3c],
      [w3c],
    ]);
  });

  it("reads and writes what it is told, in that order", () => {
    const { extract, formatsFor } = make({
      propagation: { extract: ["w3c", "b3"], inject: ["preserve", "w3c"] },
    });
    expect(extract(all)?.format).toBe(w3c);
    expect([formatsFor(w3c), formatsFor(b3)]).toEqual([[w3c], [b3, w3c]]);
  });

  it("reads nothing, or writes nothing, where the config names nothing", () => {
    expect(make({ propagation: { inject: ["w3c"] } }).extract(all)).toBeUndefined();
    expect(make({ propagation: { extract: ["w3c"] } }).formatsFor(w3c)).toEqual([]);
    expect(make({ propagation: { extract: ["datadog"], inject: ["ot"] } }).extract(all)).toBeUndefined();
  });

  it("takes header_type for the short way to say so", () => {
    const both = make({ header_type: "b3-single" });
    expect([both.extract(all)?.format, both.formatsFor(w3c)]).toEqual([b3, [w3c, b3Single]]);
    const ignoring = make({ header_type: "ignore", propagation: { default_format: "b3" } });
    expect([ignoring.extract(all), ignoring.formatsFor(undefined)]).toEqual([undefined, [b3]]);
  });
});
