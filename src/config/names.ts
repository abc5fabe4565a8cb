/** Who is who in a file: names, ids, and what refers to what. */
import { createHash } from "node:crypto";
import { nearestName } from "../util/nearest-name.ts";
import type { Instance } from "./collect.ts";
import { formatPath } from "./problem.ts";
import type { Report } from "./report.ts";
import type { ConfigNode } from "./tree.ts";
import { quote, textOf } from "./value.ts";

export interface Directory {
  /**
   * The entity that `field` of `instance` refers to, or the one it is nested in. Undefined when there is no reference,
   * and when it leads nowhere, which has been reported when the directory was made.
   */
  target(instance: Instance, field: string): Instance | undefined;
  id(instance: Instance): string;
}

/** Reports names and ids that are given twice, and references that lead nowhere. */
export function createDirectory(instances: readonly Instance[], report: Report): Directory {
  const index = createIndex(instances, report);
  const targets = new Map<Instance, Map<string, Instance>>();
  for (const instance of instances) targets.set(instance, findTargets(instance, index, report));
  const ids = new Map<Instance, string>();

  function target(instance: Instance, field: string): Instance | undefined {
    return targets.get(instance)?.get(field);
  }

  function id(instance: Instance): string {
    const known = ids.get(instance);
    if (known !== undefined) return known;
    const made = textOf(instance.node.entries.get("id")) ?? hash(identityOf(instance));
    ids.set(instance, made);
    return made;
  }

  /** What stays the same while the entity's name and place do. */
  function identityOf(instance: Instance): readonly unknown[] {
    const { entity, parent, position } = instance;
    const name = nameOf(instance);
    if (name !== undefined) return [entity.name, name];
    if (entity.name !== "plugin") return [entity.name, parent === undefined ? "" : id(parent), position];
    // A plugin is known by its name and its scope, of which there is one; so others before it may come and go.
    const scope = Object.keys(entity.references ?? {}).map((field) => {
      const found = target(instance, field);
      return found === undefined ? "" : id(found);
    });
    return ["plugin", textOf(instance.node.entries.get("name")) ?? position, ...scope];
  }

  return { target, id };
}

/** What people call it; undefined when it has no name. */
function nameOf({ entity, node }: Instance): string | undefined {
  return entity.nameField === undefined ? undefined : textOf(node.entries.get(entity.nameField));
}

type Index = ReadonlyMap<string, ReadonlyMap<string, Instance>>;

/** Entity name → name or id → instance. */
function createIndex(instances: readonly Instance[], report: Report): Index {
  const index = new Map<string, Map<string, Instance>>();
  for (const instance of instances) {
    const { entity, node, path } = instance;
    const entries = index.get(entity.name) ?? new Map<string, Instance>();
    index.set(entity.name, entries);
    for (const field of entity.nameField === undefined ? ["id"] : [entity.nameField, "id"]) {
      const key = textOf(node.entries.get(field));
      if (key === undefined) continue;
      const earlier = entries.get(key);
      if (earlier === undefined) entries.set(key, instance);
      else {
        const first = `${formatPath(earlier.path)}, line ${report.lineOf([...earlier.path, field])}`;
        report.add(
          "error",
          [...path, field],
          `another ${entity.name} has the ${field}${quote(node.entries.get(field))} already (${first})`,
        );
      }
    }
  }
  return index;
}

function findTargets(instance: Instance, index: Index, report: Report): Map<string, Instance> {
  const found = new Map<string, Instance>();
  const { entity, parent, path } = instance;
  for (const [field, kind = ""] of Object.entries(entity.references ?? {})) {
    const reference = referredBy(instance, field);
    const own = textOf(reference);
    const around = parent?.entity.name === kind ? parent : undefined;
    const target = own === undefined ? around : index.get(kind)?.get(own);
    if (own !== undefined && target === undefined) {
      report.add("error", [...path, field], dangling(kind, reference, index.get(kind)));
    } else if (around !== undefined && target !== around) {
      report.add(
        "error",
        [...path, field],
        `contradicts its place: it stands inside ${formatPath(around.path)}`,
      );
    }
    if (target !== undefined) found.set(field, target);
  }
  return found;
}

/** The name or id in a reference; undefined when there is none, or the schema will complain about it. */
function referredBy({ node }: Instance, field: string): ConfigNode | undefined {
  const value = node.entries.get(field);
  if (value?.kind !== "map") return value;
  return value.entries.get("id") ?? value.entries.get("name") ?? value.entries.get("username");
}

function dangling(
  kind: string,
  reference: ConfigNode | undefined,
  entries: ReadonlyMap<string, Instance> | undefined,
): string {
  const near = nearestName(textOf(reference) ?? "", entries?.keys() ?? []);
  const question = near === undefined ? "" : `: did you mean \`${near}\`?`;
  return `there is no ${kind.replaceAll("_", " ")}${quote(reference)} in this file${question}`;
}

/** In the form of a UUID, since that is what ids look like; 122 of its bits are SHA-256's. */
function hash(parts: readonly unknown[]): string {
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  const variant = ((Number.parseInt(digest[16] ?? "0", 16) & 3) | 8).toString(16);
  const groups = [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    `${variant}${digest.slice(17, 20)}`,
  ];
  return [...groups, digest.slice(20, 32)].join("-");
}
