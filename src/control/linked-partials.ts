/** The partials that a plugin links, each by its id and with the place where it fits in. */
import { isBlock } from "./complete.ts";
import type { EntitySet } from "./entity-set.ts";
import { type Kind, kindOf } from "./kinds.ts";
import type { PluginSchemas } from "./plugin-schemas.ts";

/** The entity with its links in full. Those that lead nowhere stay as they are, for the check to complain about. */
export function withLinkedPartials(
  entities: EntitySet,
  kind: Kind,
  record: Readonly<Record<string, unknown>>,
  plugins: PluginSchemas,
): Readonly<Record<string, unknown>> {
  const { name, partials } = record;
  if (kind.name !== "plugin" || !Array.isArray(partials)) return record;
  return { ...record, partials: partials.map((link) => inFull(entities, link, name, plugins)) };
}

function inFull(entities: EntitySet, link: unknown, plugin: unknown, plugins: PluginSchemas): unknown {
  if (!isBlock(link)) return link;
  const [partial] = [link["id"], link["name"]].flatMap((key) =>
    typeof key === "string" ? (entities.find(kindOf("partial"), key) ?? []) : [],
  );
  if (partial === undefined) return link;
  const path = link["path"] ?? plugins.linkPathsOf(plugin, partial["type"])[0] ?? null;
  return { ...link, id: partial.id, name: partial["name"] ?? null, path };
}
