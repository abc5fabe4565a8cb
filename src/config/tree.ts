/** A config file as a tree in which every value knows its place and where it came from. */
import { isAlias, isMap, isScalar, isSeq, type Pair, parseDocument, type Scalar } from "yaml";
import { tooDeepAt } from "./nesting.ts";
import type { Path } from "./problem.ts";
import { type Substitution, touching } from "./substitution.ts";
import { syntaxMessage } from "./syntax-messages.ts";

/**
 * file: written there · part: some of it was substituted · substituted: all of it was · reference: a vault had it ·
 * missing: it should have been substituted or fetched, and could not be (which is reported on its own).
 */
type Provenance = "file" | "part" | "substituted" | "reference" | "missing";

interface Place {
  /** Offset of the value in the substituted text. */
  readonly offset: number;
  /** Offset of the field's name; undefined for items of a list. */
  readonly keyOffset: number | undefined;
}

export interface ScalarNode extends Place {
  readonly kind: "scalar";
  value: unknown;
  /** As written, without quotes; what a vault had, where it is a reference. */
  text: string;
  provenance: Provenance;
  /** A reference as it was written, once a vault has been asked. */
  written?: string;
}

interface ListNode extends Place {
  readonly kind: "list";
  readonly items: readonly ConfigNode[];
}

export interface MapNode extends Place {
  readonly kind: "map";
  readonly entries: Map<string, ConfigNode>;
  /** Names that came from the environment; never shown where they are wrong, since a secret may have spilled there. */
  readonly hidden: ReadonlySet<string>;
}

export type ConfigNode = ScalarNode | ListNode | MapNode;

interface TreeFault {
  readonly severity: "error" | "warning";
  /** In the substituted text. */
  readonly offset: number;
  readonly path: Path;
  readonly message: string;
}

export interface Tree {
  /** Undefined for a file without content, and for one whose syntax is broken. */
  readonly root: ConfigNode | undefined;
  readonly faults: readonly TreeFault[];
  /** Failed substitutions that some value needs; those in comments are nobody's loss. */
  readonly failed: readonly Substitution[];
}

/** Aliases repeat what they stand for; a small file must not become a huge one ("billion laughs"). */
const maxNodes = 200_000;
const maxDepth = 100;

/** Parses YAML 1.2, of which JSON is a part. Never throws; nothing of the file's content gets into a message. */
export function parseTree(text: string, substitutions: readonly Substitution[]): Tree {
  const deep = tooDeepAt(text);
  if (deep !== undefined) {
    return {
      root: undefined,
      faults: [fault(deep, [], "the file is nested too deeply from here on")],
      failed: [],
    };
  }
  // Not "silent", which would let a second document go unsaid; nothing is logged here at any level.
  const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, logLevel: "error" });
  const syntax = [...document.errors, ...document.warnings].map((error) => ({
    severity: error.name === "YAMLParseError" ? ("error" as const) : ("warning" as const),
    offset: error.pos[0],
    path: [],
    message: syntaxMessage(error.code),
  }));
  if (document.errors.length > 0) {
    return {
      root: undefined,
      faults: syntax,
      failed: substitutions.filter(({ fault }) => fault !== undefined),
    };
  }
  const builder = createBuilder(text, substitutions);
  const root = document.contents === null ? undefined : builder.build(document.contents, undefined, []);
  // What was cut off is not worth checking: every complaint about it would be about the cut.
  return {
    root: builder.isCut() ? undefined : root,
    faults: [...syntax, ...builder.faults],
    failed: [...builder.failed],
  };
}

function createBuilder(text: string, substitutions: readonly Substitution[]) {
  const faults: TreeFault[] = [];
  const failed = new Set<Substitution>();
  const anchors = new Map<string, unknown>();
  let nodes = 0;
  let cut = false;

  function build(node: unknown, keyOffset: number | undefined, path: Path): ConfigNode {
    const offset = startOf(node) ?? keyOffset ?? 0;
    const place = { offset, keyOffset };
    const nothing: ScalarNode = { ...place, kind: "scalar", value: null, text: "", provenance: "file" };
    nodes += 1;
    if (nodes > maxNodes || path.length > maxDepth) {
      if (!cut) faults.push(tooBig(offset, path));
      cut = true;
      return nothing;
    }
    remember(node);
    if (isAlias(node)) return buildAlias(node.source, place, path, nothing);
    if (isScalar(node)) return scalar(node, place);
    if (isSeq(node)) {
      return {
        ...place,
        kind: "list",
        items: node.items.map((item, index) => build(item, undefined, [...path, index])),
      };
    }
    if (isMap(node)) return { ...place, kind: "map", ...buildEntries(node.items, path) };
    return nothing;
  }

  function remember(node: unknown): void {
    if ((isScalar(node) || isSeq(node) || isMap(node)) && node.anchor !== undefined)
      anchors.set(node.anchor, node);
  }

  function buildAlias(name: string, place: Place, path: Path, nothing: ScalarNode): ConfigNode {
    if (anchors.has(name)) return build(anchors.get(name), place.keyOffset, path);
    faults.push(fault(place.offset, path, "refers to an anchor that is not defined before it"));
    return { ...nothing, provenance: "missing" };
  }

  function scalar(node: Scalar, place: Place): ScalarNode {
    const [start, end] = node.range ?? [place.offset, place.offset];
    const isQuoted = node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE";
    const from = isQuoted ? start + 1 : start;
    const to = isQuoted ? end - 1 : end;
    const touched = touching(from, to, substitutions);
    for (const substitution of touched) if (substitution.fault !== undefined) failed.add(substitution);
    const source = typeof node.value === "string" ? node.value : text.slice(from, to);
    return {
      ...place,
      kind: "scalar",
      value: node.value,
      text: source,
      provenance: provenanceOf(touched, from, to),
    };
  }

  function buildEntries(pairs: readonly Pair[], path: Path): Pick<MapNode, "entries" | "hidden"> {
    const entries = new Map<string, ConfigNode>();
    const hidden = new Set<string>();
    for (const pair of pairs) {
      const keyOffset = startOf(pair.key) ?? 0;
      const name = readName(pair.key, { offset: keyOffset, keyOffset: undefined }, hidden);
      if (name === undefined) {
        faults.push(fault(keyOffset, path, "has a field whose name is not a word"));
        continue;
      }
      const value = build(pair.value, keyOffset, [...path, name]);
      if (entries.has(name)) faults.push(duplicate(keyOffset, hidden.has(name) ? path : [...path, name]));
      else entries.set(name, value);
    }
    mergeKey(entries);
    return { entries, hidden };
  }

  function readName(key: unknown, place: Place, hidden: Set<string>): string | undefined {
    if (!isScalar(key)) return undefined;
    const { provenance, value } = scalar(key, place);
    const name = String(value);
    if (provenance !== "file") hidden.add(name);
    return name;
  }

  return { build, faults, failed, isCut: () => cut };
}

/** YAML's merge key, which decK files use with anchors: fills in fields that are not there. */
function mergeKey(entries: Map<string, ConfigNode>): void {
  const source = entries.get("<<");
  if (source === undefined) return;
  entries.delete("<<");
  mergeInto(entries, source);
}

function mergeInto(entries: Map<string, ConfigNode>, source: ConfigNode): void {
  if (source.kind === "list") for (const item of source.items) mergeInto(entries, item);
  if (source.kind !== "map") return;
  for (const [name, node] of source.entries) if (!entries.has(name)) entries.set(name, node);
}

function provenanceOf(touched: readonly Substitution[], from: number, to: number): Provenance {
  if (touched.length === 0) return "file";
  if (touched.some(({ fault }) => fault !== undefined)) return "missing";
  const first = touched[0]?.valueStart ?? to;
  const last = touched.at(-1)?.valueEnd ?? from;
  return first <= from && last >= to && touched.length === 1 ? "substituted" : "part";
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== "object" || node === null || !("range" in node)) return undefined;
  const range: unknown = node.range;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : undefined;
}

function fault(offset: number, path: Path, message: string): TreeFault {
  return { severity: "error", offset, path, message };
}

function tooBig(offset: number, path: Path): TreeFault {
  return fault(
    offset,
    path.slice(0, 8),
    `is too big: at most ${maxNodes} values, nested at most ${maxDepth} deep, aliases included`,
  );
}

function duplicate(offset: number, path: Path): TreeFault {
  return fault(offset, path, "is given twice; keep one of them");
}
