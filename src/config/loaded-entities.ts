/** The entities of a file that was found good, one by one, as the admin API shows them: flat, with ids. */
import type { Instance } from "./collect.ts";
import type { Directory } from "./names.ts";
import type { ConfigNode } from "./tree.ts";
import { asWritten, toObject } from "./value.ts";

export interface LoadedEntity {
  /** The entity's name: `service`. */
  readonly kind: string;
  readonly id: string;
  /** What the file says, without nested entities and without what refers to others; vault references are as written. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Field → ids of what it refers to, by its value or by the place in the file. */
  readonly references: Readonly<Record<string, readonly string[]>>;
}

/** In the order of the file. */
export function loadedEntities(
  instances: readonly Instance[],
  directory: Directory,
): readonly LoadedEntity[] {
  return instances.map((instance) => {
    const { entity, node } = instance;
    const fields = Object.keys(entity.references ?? {});
    const own = toObject(node, new Set([...Object.keys(entity.children ?? {}), ...fields]), asWritten);
    const lists = fields.flatMap((field) => {
      const list = node.entries.get(field);
      const ids = directory.targets(instance, field).map((end) => directory.id(end));
      return list?.kind === "list" ? [[field, list.items.map((item, at) => withId(item, ids[at]))]] : [];
    });
    return {
      kind: entity.name,
      id: directory.id(instance),
      fields: { ...own, ...Object.fromEntries(lists) },
      references: Object.fromEntries(
        fields.map((field) => [field, directory.targets(instance, field).map((end) => directory.id(end))]),
      ),
    };
  });
}

/** One of a list of references: by its id, whatever the file calls it by, and with what else the file says of it. */
function withId(item: ConfigNode, id: string | undefined): unknown {
  if (item.kind !== "map") return id;
  const { name: _, username: __, custom_id: ___, ...rest } = toObject(item, new Set(), asWritten);
  return { ...rest, id };
}
