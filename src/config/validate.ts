/** Holds a part of the file against a schema and reports everything that does not fit. */
import type { z } from "zod";
import { type FieldSchema, fieldAt, fieldSchema } from "./field-schema.ts";
import { issueMessage } from "./issue-message.ts";
import type { Path } from "./problem.ts";
import { nodeAt, type Report } from "./report.ts";
import type { ConfigNode, MapNode } from "./tree.ts";
import { unknownFieldMessage } from "./unknown-field.ts";
import { isNull, toObject, typed } from "./value.ts";

export interface Part {
  readonly node: MapNode;
  /** Where the part stands in the file. */
  readonly path: Path;
  /** Fields that are somebody else's to check. */
  readonly except?: ReadonlySet<string>;
}

/** What fitted, by node and schema. A file's nodes are never met again; those of entities are, until these change. */
const accepted = new WeakMap<MapNode, Map<z.ZodType, { readonly value: unknown }>>();

/** The schema's output; undefined when it does not fit, which has then been reported. */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  part: Part,
  report: Report,
): { readonly value: z.output<Schema> } | undefined {
  const known = accepted.get(part.node) ?? new Map<z.ZodType, { readonly value: unknown }>();
  accepted.set(part.node, known);
  const found = known.get(schema) ?? parse(schema, part, report);
  if (found !== undefined) known.set(schema, found);
  return found as { readonly value: z.output<Schema> } | undefined; // of this schema
}

function parse(schema: z.ZodType, part: Part, report: Report): { readonly value: unknown } | undefined {
  const { except, node } = part;
  let result = schema.safeParse(toObject(node, except));
  if (!result.success && convert(result.error.issues, node))
    result = schema.safeParse(toObject(node, except));
  const unknownNulls = reportNulls(schema, part, report);
  if (result.success) return unknownNulls ? undefined : { value: result.data };
  for (const issue of result.error.issues) reportIssue(issue, fieldSchema(schema), part, report);
  return undefined;
}

/** Gives values from outside the file the type that is expected of them. True when some value was changed. */
function convert(issues: readonly z.core.$ZodIssue[], node: MapNode): boolean {
  let changed = false;
  for (const issue of issues) {
    const found = nodeAt(node, pathOf(issue));
    if (issue.code !== "invalid_type" || found?.kind !== "scalar") continue;
    const value = typed(found, issue.expected);
    if (value === found.value) continue;
    found.value = value;
    changed = true;
  }
  return changed;
}

/** An unknown field without a value is as wrong as one with a value, but a schema never sees it. */
function reportNulls(schema: z.ZodType, { except, node, path }: Part, report: Report): boolean {
  let found = false;
  for (const { at, block, name } of nullFields(node, [])) {
    if ((at.length === 0 && except?.has(name) === true) || !isUnknown(schema, at, name)) continue;
    found = true;
    const whole = fieldSchema(schema);
    reportUnknown(
      block,
      [...path, ...at, name],
      unknownFieldMessage(name, fieldAt(whole, at), whole, at.length === 0 ? except : undefined),
      report,
    );
  }
  return found;
}

function* nullFields(
  block: ConfigNode,
  at: Path,
): Generator<{ readonly at: Path; readonly block: MapNode; readonly name: string }> {
  if (block.kind === "list") {
    for (const [index, item] of block.items.entries()) yield* nullFields(item, [...at, index]);
  } else if (block.kind === "map") {
    for (const [name, value] of block.entries) {
      if (isNull(value)) yield { at, block, name };
      else yield* nullFields(value, [...at, name]);
    }
  }
}

function isUnknown(schema: z.ZodType, at: Path, name: string): boolean {
  const block = fieldAt(fieldSchema(schema), at);
  return block?.additionalProperties === false && fieldAt(block, [name]) === undefined;
}

function reportIssue(issue: z.core.$ZodIssue, schema: FieldSchema, part: Part, report: Report): void {
  const at = pathOf(issue);
  const found = nodeAt(part.node, at);
  const path = [...part.path, ...at];
  if (issue.code === "unrecognized_keys") {
    const others = at.length === 0 ? part.except : undefined;
    for (const key of issue.keys) {
      reportUnknown(
        found,
        [...path, key],
        unknownFieldMessage(key, fieldAt(schema, at), schema, others),
        report,
      );
    }
    return;
  }
  // Why the value is missing has been said already.
  if (found?.kind === "scalar" && found.provenance === "missing") return;
  const field = fieldAt(schema, at);
  const value =
    found === undefined || isNull(found) ? undefined : found.kind === "scalar" ? found.value : bare(found);
  report.add(
    "error",
    path,
    issueMessage(issue, { value, schema: field, isPublic: isPublic(found, field, path) }),
  );
}

/** A name that came from the environment is not shown, neither in the message nor in the path. */
function reportUnknown(block: ConfigNode | undefined, path: Path, message: string, report: Report): void {
  const name = String(path.at(-1));
  if (block?.kind !== "map" || !block.hidden.has(name)) {
    report.addAtName("error", path, message);
    return;
  }
  const offset = block.entries.get(name)?.keyOffset ?? block.offset;
  report.addAt("error", offset, path.slice(0, -1), "unknown field, its name taken from the environment");
}

/** Enough of a list or block to name its kind and size. */
function bare(node: ConfigNode): unknown {
  return node.kind === "list" ? [...node.items] : {};
}

/** Blocks and names whose values are never shown, even where they are put into the wrong field. */
const secretive = /password|secret|token|credential|private|_value$|^auth$|^key$/i;

function isPublic(node: ConfigNode | undefined, field: FieldSchema | undefined, path: Path): boolean {
  if (field?.secret === true || node?.kind !== "scalar" || node.provenance !== "file") return false;
  return !path.some((step) => typeof step === "string" && secretive.test(step));
}

function pathOf(issue: z.core.$ZodIssue): Path {
  return issue.path.map((step) => (typeof step === "number" ? step : String(step)));
}
