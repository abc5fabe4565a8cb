/**
 * Metrics as data: what one process counted, in a form that can be sent to another, added to others' and rendered in
 * Prometheus' text format (exposition formats, version 0.0.4).
 */

export type MetricType = "counter" | "gauge" | "histogram";

/** How the values of several processes become one. Counters and histograms are added up. */
export type Across = "sum" | "min" | "max";

export interface SeriesSnapshot {
  /** The text between the braces, without the braces; equal for equal labels. */
  readonly labels: string;
  /** One value; of a histogram the count of each bucket (not cumulative), then the sum, then the count. */
  readonly values: readonly number[];
}

export interface FamilySnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly across: Across;
  /** Upper bounds, ascending; empty unless it is a histogram. */
  readonly buckets: readonly number[];
  readonly series: readonly SeriesSnapshot[];
}

/** In the order of rendering. */
export type MetricSnapshot = readonly FamilySnapshot[];

/**
 * One snapshot of several: families by name, series by labels, in the order of their first appearance. Snapshots of one
 * program; where a histogram's buckets differ all the same, the first ones stand and the others are left out.
 */
export function mergeSnapshots(snapshots: readonly MetricSnapshot[]): MetricSnapshot {
  const families = new Map<
    string,
    { readonly first: FamilySnapshot; readonly series: Map<string, number[]> }
  >();
  for (const family of snapshots.flat()) {
    let merged = families.get(family.name);
    if (merged === undefined) {
      merged = { first: family, series: new Map() };
      families.set(family.name, merged);
    }
    if (family.buckets.join() === merged.first.buckets.join()) addSeries(merged.series, family);
  }
  return [...families.values()].map(({ first, series }) => ({
    ...first,
    series: [...series].map(([labels, values]) => ({ labels, values })),
  }));
}

function addSeries(all: Map<string, number[]>, { series, across }: FamilySnapshot): void {
  const join = joins[across];
  for (const { labels, values } of series) {
    const known = all.get(labels);
    if (known === undefined) all.set(labels, [...values]);
    else for (const [at, value] of values.entries()) known[at] = join(known[at] ?? value, value);
  }
}

export const joins: Readonly<Record<Across, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  min: Math.min,
  max: Math.max,
};

/** What goes on counting after its process has gone: a gauge says how things are, and they are no more. */
export function countersOf(snapshot: MetricSnapshot): MetricSnapshot {
  return snapshot.filter(({ type }) => type !== "gauge");
}

export function renderSnapshot(snapshot: MetricSnapshot): string {
  return snapshot.map(renderFamily).join("\n");
}

function renderFamily({ name, help, type, buckets, series }: FamilySnapshot): string {
  const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  const lines = series.map(({ labels, values }) =>
    type === "histogram"
      ? renderHistogram(name, labels, buckets, values)
      : `${name}${braces(labels)} ${numeral(values[0] ?? 0)}\n`,
  );
  return `# HELP ${name} ${escaped}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function renderHistogram(
  name: string,
  labels: string,
  buckets: readonly number[],
  values: readonly number[],
): string {
  const before = labels === "" ? "" : `${labels},`;
  const [sum = 0, count = 0] = values.slice(buckets.length);
  let below = 0;
  let text = "";
  for (const [at, bound] of buckets.entries()) {
    below += values[at] ?? 0;
    text += `${name}_bucket{${before}le="${bound}"} ${below}\n`;
  }
  return `${text}${name}_bucket{${before}le="+Inf"} ${count}\n${name}_sum${braces(labels)} ${numeral(sum)}\n${name}_count${braces(labels)} ${count}\n`;
}

/** The format has words of its own for what is no finite number. */
function numeral(value: number): string {
  return String(value).replace("Infinity", value > 0 ? "+Inf" : "Inf");
}

function braces(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}
