/** The entities of a file that was found good, one by one, as the admin API shows them: flat, with ids. */
import type { Instance } from "./collect.ts";
import type { Directory } from "./names.ts";
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
    return {
      kind: entity.name,
      id: directory.id(instance),
      fields: toObject(node, new Set([...Object.keys(entity.children ?? {}), ...fields]), asWritten),
      references: Object.fromEntries(
        fields.map((field) => [field, directory.targets(instance, field).map((end) => directory.id(end))]),
      ),
    };
  });
}
