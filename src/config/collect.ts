/** Finds the entities of a file, nested or flat, and lines them up. */

import { entities } from "./entities/index.ts";
import type { Entity } from "./entity.ts";
import type { Path } from "./problem.ts";
import type { Report } from "./report.ts";
import type { ConfigNode, MapNode } from "./tree.ts";
import { isNull } from "./value.ts";

/** One entity as the file has it. */
export interface Instance {
  readonly entity: Entity;
  readonly node: MapNode;
  readonly path: Path;
  /** The entity it is nested in. */
  readonly parent: Instance | undefined;
  /** Its place in its list. */
  readonly position: number;
}

// Each member's `check` takes its own type; the loader only ever calls it with what that member's shape has made.
const known = entities as unknown as readonly Entity[];

/** Entities by the name of their list. */
export const entityLists: ReadonlyMap<string, Entity> = new Map(
  known.map((entity) => [entity.plural, entity]),
);

const entityNames: ReadonlyMap<string, Entity> = new Map(known.map((entity) => [entity.name, entity]));

/** All entities in the order of the file. What is no entity at all is reported and left out. */
export function collect(root: MapNode, report: Report): readonly Instance[] {
  const found: Instance[] = [];
  for (const [plural, list] of root.entries) {
    const entity = entityLists.get(plural);
    if (entity !== undefined) collectList(list, { entity, path: [plural], parent: undefined }, found, report);
  }
  return found;
}

function collectList(
  list: ConfigNode,
  place: Pick<Instance, "entity" | "path" | "parent">,
  found: Instance[],
  report: Report,
): void {
  if (isNull(list)) return;
  if (list.kind !== "list") {
    report.add("error", place.path, `expected a list of ${place.entity.plural}`);
    return;
  }
  for (const [position, item] of list.items.entries()) {
    const path = [...place.path, position];
    const node = named(item, place.entity);
    if (node.kind !== "map") {
      report.add("error", path, `expected the fields of a ${place.entity.name}`);
      continue;
    }
    const instance: Instance = { ...place, node, path, position };
    found.push(instance);
    for (const [field, children] of node.entries) {
      const entity = entityNames.get(place.entity.children?.[field] ?? "");
      if (entity === undefined) continue;
      collectList(children, { entity, path: [...path, field], parent: instance }, found, report);
    }
  }
}

/** A text in the place of a block that would hold nothing but that name. */
function named(item: ConfigNode, { isNamedByText, nameField }: Entity): ConfigNode {
  if (item.kind !== "scalar" || isNamedByText !== true || nameField === undefined || isNull(item))
    return item;
  const { keyOffset, offset } = item;
  return { kind: "map", offset, keyOffset, entries: new Map([[nameField, item]]), hidden: new Set() };
}
