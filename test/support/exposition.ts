/** Reads a scrape as strictly as Prometheus' text format (exposition formats, 0.0.4) is written, and throws on any fault. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ScrapedFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

/** The families by name, in their order. */
export function parseExposition(text: string): ReadonlyMap<string, ScrapedFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end with a line feed");
  const reader = new Reader();
  for (const line of text.slice(0, -1).split("\n")) {
    try {
      reader.read(line);
    } catch (cause) {
      throw new Error(`${cause instanceof Error ? cause.message : String(cause)}: ${line}`, { cause });
    }
  }
  for (const family of reader.families.values()) checkFamily(family);
  return reader.families;
}

/** Line by line: HELP, then TYPE, then samples, of one family after the other. */
class Reader {
  readonly families = new Map<string, ScrapedFamily & { samples: Sample[] }>();
  #help: { readonly name: string; readonly text: string } | undefined;
  #current: (ScrapedFamily & { samples: Sample[] }) | undefined;

  read(line: string): void {
    if (line.startsWith("# HELP ")) this.#readHelp(line);
    else if (line.startsWith("# TYPE ")) this.#readType(line);
    else if (line.startsWith("#")) throw new Error("a comment that is none of ours");
    else if (line !== "") this.#readSample(line);
  }

  #readHelp(line: string): void {
    const [, name = "", words] = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line) ?? [];
    if (words === undefined) throw new Error("a bad HELP line");
    if (this.families.has(name)) throw new Error("a second HELP");
    this.#help = { name, text: unescaped(words, /\\[\\n]/g) };
  }

  #readType(line: string): void {
    const [, name = "", type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (type === undefined) throw new Error("a bad TYPE line");
    if (this.#help?.name !== name) throw new Error("no HELP right before it");
    this.#current = { name, help: this.#help.text, type, samples: [] };
    this.families.set(name, this.#current);
  }

  #readSample(line: string): void {
    const sample = parseSample(line);
    const family = this.#current;
    if (family === undefined || familyOf(sample.name, family.type) !== family.name)
      throw new Error("a sample outside its family");
    family.samples.push(sample);
  }
}

function familyOf(name: string, type: string): string {
  return type === "histogram" ? name.replace(/_(?:bucket|sum|count)$/, "") : name;
}

function parseSample(line: string): Sample {
  const [, name = "", , inside = "", number] =
    /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (number === undefined) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  const pair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;
  while (pair.lastIndex < inside.length) {
    const [, label = "", value, comma] = pair.exec(inside) ?? [];
    if (value === undefined) throw new Error(`bad labels: ${line}`);
    if (label in labels) throw new Error(`the label ${label} twice: ${line}`);
    if (label.startsWith("__")) throw new Error(`a reserved label: ${line}`);
    if (comma === "," && pair.lastIndex === inside.length) throw new Error(`a comma too many: ${line}`);
    labels[label] = unescaped(value, /\\["\\n]/g);
  }
  if (!/^(?:[+-]Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.test(number)) throw new Error(`no number: ${line}`);
  return { name, labels, value: Number(number.replace("Inf", "Infinity")) };
}

function unescaped(text: string, escapes: RegExp): string {
  if (/\\/.test(text.replace(escapes, ""))) throw new Error(`a bad escape: ${text}`);
  return text.replace(escapes, (mark) => (mark === "\\n" ? "\n" : mark.slice(1)));
}

function checkFamily({ name, samples, type }: ScrapedFamily): void {
  const seen = new Set<string>();
  for (const sample of samples) {
    const key = `${sample.name} ${keyOf(sample.labels)}`;
    if (seen.has(key)) throw new Error(`twice: ${key}`);
    seen.add(key);
    if (type === "counter" && !(sample.value >= 0)) throw new Error(`a counter below zero: ${key}`);
    if (type !== "histogram" && "le" in sample.labels) throw new Error(`le outside a histogram: ${key}`);
  }
  if (type === "histogram") checkHistogram(name, samples);
  const shapes = new Set(samples.map(({ labels }) => Object.keys(labels).filter(isOwn).sort().join()));
  if (shapes.size > 1) throw new Error(`${name} has series of several sets of labels`);
}

const isOwn = (label: string) => label !== "le";

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const groups = new Map<string, Sample[]>();
  let last = "";
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const key = keyOf(labels);
    if (groups.has(key) && last !== key) throw new Error(`${name} is not in one piece: ${key}`);
    groups.set(key, [...(groups.get(key) ?? []), sample]);
    last = key;
  }
  for (const [key, group] of groups) {
    const fault = faultOf(name, group);
    if (fault !== undefined) throw new Error(`${name}{${key}} ${fault}`);
  }
}

/** One set of labels: its buckets in order and cumulative, `+Inf` last and equal to the count, then sum and count. */
function faultOf(name: string, group: readonly Sample[]): string | undefined {
  const kinds = group.map((sample) => sample.name.slice(name.length + 1)).join(" ");
  if (!/^(?:bucket )+sum count$/.test(kinds)) return `is incomplete: ${kinds}`;
  const buckets = group.slice(0, -2);
  const bounds = buckets.map(({ labels }) => Number((labels["le"] ?? "").replace("Inf", "Infinity")));
  const counts = buckets.map(({ value }) => value);
  if (!isRising(bounds, (before, bound) => bound > before) || bounds.at(-1) !== Number.POSITIVE_INFINITY)
    return `has bad bounds: ${bounds.join()}`;
  if (!isRising(counts, (before, count) => count >= before)) return `is not cumulative: ${counts.join()}`;
  if (counts.at(-1) !== group.at(-1)?.value) return "has another count than +Inf";
  return Number.isFinite(group.at(-2)?.value) ? undefined : "has no finite sum";
}

function isRising(all: readonly number[], isAfter: (before: number, value: number) => boolean): boolean {
  return all.every((value, at) => at === 0 || isAfter(all[at - 1] ?? Number.NaN, value));
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The labels that the family's series have, without `le`; undefined while it has none. */
export function labelsOf({ samples }: ScrapedFamily): readonly string[] | undefined {
  const [first] = samples;
  return first === undefined ? undefined : Object.keys(first.labels).filter(isOwn);
}

/** The sum over all series of a family that have these labels. */
export function sumOf(
  families: ReadonlyMap<string, ScrapedFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const { samples = [] } =
    families.get(name.replace(/_(?:bucket|sum|count)$/, "")) ?? families.get(name) ?? {};
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((total, { value }) => total + value, 0);
}
