/** Tells which settings of a file are accepted without effect, or have a better successor. */
import { type FieldSchema, fieldAt } from "./field-schema.ts";
import type { Path } from "./problem.ts";
import type { Report } from "./report.ts";
import type { ConfigNode } from "./tree.ts";
import { isNull, toValue } from "./value.ts";

/** Notices by setting, so that forty targets with the same field give one. */
export interface FieldNotices {
  /** Looks through a part of the file that fits `schema`. `owner` names the schema, e.g. the plugin. */
  collect(node: ConfigNode, schema: FieldSchema, path: Path, owner: string): void;
  /** Reports what was collected. */
  flush(): void;
}

export function createFieldNotices(report: Report): FieldNotices {
  const places = new Map<string, { readonly message: string; readonly paths: Path[] }>();

  function note(kind: string, message: string, path: Path, owner: string): void {
    const field = path.filter((step) => typeof step === "string").join(".");
    const key = `${owner} ${kind} ${field}`;
    const place = places.get(key) ?? { message, paths: [] };
    place.paths.push(path);
    places.set(key, place);
  }

  function visit(node: ConfigNode, schema: FieldSchema | undefined, at: { path: Path; owner: string }): void {
    if (schema === undefined || isNull(node)) return;
    const { owner, path } = at;
    if (schema.deprecated === true)
      note("deprecated", `is deprecated. ${schema.description ?? ""}`.trim(), path, owner);
    if (schema.planned !== true) visitInner(node, schema, at);
    // Exports write out every default; what changes nothing needs no notice.
    else if (!equals(toValue(node), schema.default))
      note("planned", "accepted, not acted on yet", path, owner);
  }

  function visitInner(
    node: ConfigNode,
    schema: FieldSchema,
    { owner, path }: { path: Path; owner: string },
  ): void {
    if (node.kind === "list") {
      for (const [index, item] of node.items.entries())
        visit(item, schema.items, { owner, path: [...path, index] });
    } else if (node.kind === "map") {
      for (const [name, value] of node.entries)
        visit(value, fieldAt(schema, [name]), { owner, path: [...path, name] });
    }
  }

  return {
    collect: (node, schema, path, owner) => visit(node, schema, { path, owner }),
    flush() {
      for (const { message, paths } of places.values()) {
        const more =
          paths.length > 1
            ? ` (also in ${paths.length - 1} other ${paths.length > 2 ? "places" : "place"})`
            : "";
        report.addAtName("notice", paths[0] ?? [], message + more);
      }
    },
  };
}

function equals(value: unknown, other: unknown): boolean {
  return JSON.stringify(value) === JSON.stringify(other);
}
