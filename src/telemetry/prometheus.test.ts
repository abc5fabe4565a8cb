import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMetricRegistry, type Reading } from "./prometheus.ts";

const names = ["store", "place"];

function rendered(readings: readonly Reading[], labels: readonly string[] = names): string {
  const registry = createMetricRegistry();
  registry.readings("sluice_vectors", "Vectors held", "gauge", labels, () => readings);
  return registry.render();
}

/** The sample lines of a text, read as the format's description has it (exposition formats, 0.0.4). */
function parse(text: string): readonly { labels: Readonly<Record<string, string>>; value: string }[] {
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return samples.map((line) => {
    const [, inside = "", value = ""] = /^sluice_vectors(?:\{(.*)\})? (\S+)$/s.exec(line) ?? [];
    const pairs = [...inside.matchAll(/(\w+)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/g)];
    const labels = pairs.map(([, name = "", escaped = ""]) => [
      name,
      escaped.replace(/\\(.)/gs, (_, mark: string) => (mark === "n" ? "\n" : mark)),
    ]);
    return { labels: Object.fromEntries(labels), value };
  });
}

describe("readings with labels", () => {
  it("are read when the metrics are, under one help and type", () => {
    const registry = createMetricRegistry();
    const readings = [{ labels: ["redis", "a:6379"], value: 3 }];
    registry.readings("sluice_vectors", "Vectors held", "gauge", names, () => readings);
    readings.push({ labels: ["memory", ""], value: 0.5 });
    expect(registry.render()).toBe(
      "# HELP sluice_vectors Vectors held\n# TYPE sluice_vectors gauge\n" +
        'sluice_vectors{store="redis",place="a:6379"} 3\nsluice_vectors{store="memory",place=""} 0.5\n',
    );
  });

  it("come back as they were, whatever the label values hold", () => {
    const value = fc.oneof(fc.string({ unit: "grapheme" }), fc.stringMatching(/^[\\"n\n{},= ]*$/));
    const reading = fc.record({ labels: fc.tuple(value, value), value: fc.double() });
    fc.assert(
      fc.property(
        fc.uniqueArray(reading, { selector: ({ labels }) => JSON.stringify(labels) }),
        (readings) => {
          const samples = parse(rendered(readings));
          expect(samples.map(({ labels }) => labels)).toEqual(
            readings.map(({ labels: [store, place] }) => ({ store, place })),
          );
          const numbers = samples.map((sample) => Number(sample.value.replace(/^([+-])Inf$/, "$1Infinity")));
          expect(numbers).toEqual(readings.map((each) => each.value + 0));
        },
      ),
    );
  });

  it("have the format's words for what is no finite number", () => {
    const values = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
    const readings = values.map((value, index) => ({ labels: [String(index)], value }));
    expect(parse(rendered(readings, ["n"])).map(({ value }) => value)).toEqual(["+Inf", "-Inf", "NaN"]);
  });

  it("of the same labels are added up, as a scrape that repeats a series is refused whole", () => {
    const labels = ["redis", "a"];
    const text = rendered([
      { labels, value: 1 },
      { labels: ["redis", "b"], value: 5 },
      { labels, value: 2 },
    ]);
    expect(parse(text).map(({ value }) => value)).toEqual(["3", "5"]);
  });

  it("of the same labels become one as those of several processes do", () => {
    const registry = createMetricRegistry();
    const readings = [2, 0, 1].map((value) => ({ labels: ["a"], value }));
    registry.readings("sluice_vectors", "Vectors held", "gauge", ["store"], () => readings, "max");
    expect(parse(registry.render()).map(({ value }) => value)).toEqual(["2"]);
  });

  it("take a label value that is missing for empty, and show nothing where there is nothing", () => {
    expect(parse(rendered([{ labels: ["redis"], value: 1 }]))[0]?.labels).toEqual({
      store: "redis",
      place: "",
    });
    expect(rendered([])).toBe("# HELP sluice_vectors Vectors held\n# TYPE sluice_vectors gauge\n");
  });

  it("without labels are one number", () => {
    const registry = createMetricRegistry();
    registry.reading("sluice_vectors", "Vectors held", "counter", () => 7);
    expect(registry.render()).toContain("# TYPE sluice_vectors counter\nsluice_vectors 7\n");
  });
});
