/** Who is who in a file: names, ids, and what refers to what. */
import { createHash } from "node:crypto";
import { nearestName } from "../util/nearest-name.ts";
import { lookupKey } from "../util/uuid.ts";
import type { Instance } from "./collect.ts";
import { entitySchema } from "./entity.ts";
import { fieldAt, fieldSchema } from "./field-schema.ts";
import { formatPath, type Path } from "./problem.ts";
import type { Report } from "./report.ts";
import type { ConfigNode } from "./tree.ts";
import { quote, textOf } from "./value.ts";

export interface Directory {
  /**
   * The entity that `field` of `instance` refers to, or the one it is nested in. Undefined when there is no reference,
   * and when it leads nowhere, which has been reported when the directory was made.
   */
  target(instance: Instance, field: string): Instance | undefined;
  /** The entities that the list `field` refers to, without those that lead nowhere. */
  targets(instance: Instance, field: string): readonly Instance[];
  /** The entity of this kind that a reference leads to; undefined where it leads nowhere, of which nothing is said. */
  find(kind: string, reference: ConfigNode): Instance | undefined;
  /** Reports a reference that leads to no entity of this kind. */
  checkReference(kind: string, reference: ConfigNode, path: Path): void;
  id(instance: Instance): string;
}

/** Reports names and ids that are given twice, and, but for a fragment, references that lead nowhere. */
export function createDirectory(
  instances: readonly Instance[],
  report: Report,
  { isFragment }: { readonly isFragment: boolean },
): Directory {
  const index = createIndex(instances, report, isFragment);
  const found = new Map<Instance, ReadonlyMap<string, readonly Instance[]>>();
  for (const instance of instances) found.set(instance, findTargets(instance, index, report));
  const ids = new Map<Instance, string>();

  function targets(instance: Instance, field: string): readonly Instance[] {
    return found.get(instance)?.get(field) ?? [];
  }

  function target(instance: Instance, field: string): Instance | undefined {
    return targets(instance, field)[0];
  }

  function checkReference(kind: string, reference: ConfigNode, path: Path): void {
    findTarget(reference, kind, path, index, report);
  }

  function find(kind: string, reference: ConfigNode): Instance | undefined {
    return lookUp(kind, reference, index);
  }

  function id(instance: Instance): string {
    const known = ids.get(instance);
    if (known !== undefined) return known;
    const given = textOf(instance.node.entries.get("id"));
    const made = given === undefined ? hash(identityOf(instance)) : lookupKey(given);
    ids.set(instance, made);
    return made;
  }

  /** What stays the same while the entity's name and place do. */
  function identityOf(instance: Instance): readonly unknown[] {
    const { entity, parent, position } = instance;
    const name = nameOf(instance);
    if (name !== undefined) return [entity.name, name];
    if (entity.scope !== undefined) {
      // A plugin is known by its name and its scope, of which there is one; so others before it may come and go.
      const ends = entity.scope.map((field) => {
        const end = target(instance, field);
        return end === undefined ? "" : id(end);
      });
      return [entity.name, textOf(instance.node.entries.get("name")) ?? position, ...ends];
    }
    const [field, value] = uniqueTextOf(instance) ?? [];
    if (value !== undefined) return [entity.name, field, value];
    return [entity.name, parent === undefined ? "" : id(parent), position];
  }

  return { target, targets, find, checkReference, id };
}

/**
 * Reports values of unique fields that are given twice. To be called when all entities have been read: only then do
 * values from the environment have their final type.
 */
export function reportEqualValues(instances: readonly Instance[], report: Report): void {
  const seen = new Map<string, Instance>();
  const named = instances.flatMap((instance) =>
    (instance.entity.uniqueFields ?? []).map((field) => ({ instance, field })),
  );
  for (const { field, instance } of named) {
    const given = instance.node.entries.get(field);
    const value = textOf(given);
    // A variable that is not set has been reported; it is equal to nothing.
    if (value === undefined || (given?.kind === "scalar" && given.provenance === "missing")) continue;
    const key = JSON.stringify([instance.entity.name, field, value]);
    const earlier = seen.get(key);
    if (earlier === undefined) {
      seen.set(key, instance);
      continue;
    }
    const shown = isSecret(instance, field) ? "" : quote(given);
    report.add("error", [...instance.path, field], takenBy(earlier, field, shown, report));
  }
}

function isSecret({ entity }: Instance, field: string): boolean {
  return fieldAt(fieldSchema(entitySchema(entity)), [field])?.secret === true;
}

function takenBy(earlier: Instance, field: string, shown: string, report: Report): string {
  const first = `${formatPath(earlier.path)}, line ${report.lineOf([...earlier.path, field])}`;
  return `another ${earlier.entity.name.replaceAll("_", " ")} has the ${field}${shown} already (${first})`;
}

/** A unique value that may be told, and what field it is in. */
function uniqueTextOf(instance: Instance): readonly [string, string] | undefined {
  for (const field of instance.entity.uniqueFields ?? []) {
    const value = textOf(instance.node.entries.get(field));
    if (value !== undefined && !isSecret(instance, field)) return [field, value];
  }
  return undefined;
}

/** What people call it; undefined when it has no name. */
function nameOf({ entity, node }: Instance): string | undefined {
  return entity.nameField === undefined ? undefined : textOf(node.entries.get(entity.nameField));
}

interface Index {
  /** Entity name → name or id → instance. */
  readonly entries: ReadonlyMap<string, ReadonlyMap<string, Instance>>;
  readonly isFragment: boolean;
}

function createIndex(instances: readonly Instance[], report: Report, isFragment: boolean): Index {
  const index = new Map<string, Map<string, Instance>>();
  for (const instance of instances) {
    const { entity, node, path } = instance;
    const entries = index.get(entity.name) ?? new Map<string, Instance>();
    index.set(entity.name, entries);
    for (const field of entity.nameField === undefined ? ["id"] : [entity.nameField, "id"]) {
      const text = textOf(node.entries.get(field));
      if (text === undefined) continue;
      const key = lookupKey(text);
      const earlier = entries.get(key);
      if (earlier === undefined) entries.set(key, instance);
      else
        report.add(
          "error",
          [...path, field],
          takenBy(earlier, field, quote(node.entries.get(field)), report),
        );
    }
  }
  return { entries: index, isFragment };
}

function findTargets(instance: Instance, index: Index, report: Report): Map<string, readonly Instance[]> {
  const found = new Map<string, readonly Instance[]>();
  const { entity, node, path } = instance;
  for (const [field, kind = ""] of Object.entries(entity.references ?? {})) {
    const reference = node.entries.get(field);
    const targets =
      reference?.kind === "list"
        ? reference.items.map((item, at) => findTarget(item, kind, [...path, field, at], index, report))
        : [findOwner(instance, field, kind, index, report)];
    found.set(
      field,
      targets.filter((target) => target !== undefined),
    );
  }
  return found;
}

/** What a reference leads to; nothing where the schema will complain about it. */
function findTarget(
  reference: ConfigNode | undefined,
  kind: string,
  path: Path,
  index: Index,
  report: Report,
): Instance | undefined {
  if (namesIn(reference).length === 0) return undefined;
  const target = lookUp(kind, reference, index);
  if (target === undefined && !index.isFragment)
    report.add("error", path, dangling(kind, reference, index.entries.get(kind)));
  return target;
}

/** What a single reference leads to, or the entity around. */
function findOwner(
  instance: Instance,
  field: string,
  kind: string,
  index: Index,
  report: Report,
): Instance | undefined {
  const { entity, node, parent, path } = instance;
  const reference = node.entries.get(field);
  const around = parent?.entity.name === kind ? parent : undefined;
  const isNamed = namesIn(reference).length > 0;
  if (!isNamed) {
    if (around === undefined && entity.owner === field && !index.isFragment) {
      report.add("error", path, `must name its ${kind} in \`${field}\`, or stand inside it`);
    }
    return around;
  }
  const target = findTarget(reference, kind, [...path, field], index, report);
  if (around !== undefined && target !== undefined && target !== around) {
    const message = `contradicts its place: it stands inside ${formatPath(around.path)}`;
    report.add("error", [...path, field], message);
  }
  return target;
}

function lookUp(kind: string, reference: ConfigNode | undefined, index: Index): Instance | undefined {
  const entries = index.entries.get(kind);
  for (const name of namesIn(reference)) {
    const target = entries?.get(lookupKey(name));
    if (target !== undefined) return target;
  }
  return undefined;
}

/** The id and names in a reference. */
function namesIn(reference: ConfigNode | undefined): readonly string[] {
  const values =
    reference?.kind === "map"
      ? ["id", "name", "username"].map((field) => reference.entries.get(field))
      : [reference];
  return values.map(textOf).filter((name) => name !== undefined);
}

function dangling(
  kind: string,
  reference: ConfigNode | undefined,
  entries: ReadonlyMap<string, Instance> | undefined,
): string {
  const [name = ""] = namesIn(reference);
  const near = nearestName(name, entries?.keys() ?? []);
  const question = near === undefined ? "" : `: did you mean \`${near}\`?`;
  return `there is no ${kind.replaceAll("_", " ")}${quoteReference(reference)}${question}`;
}

function quoteReference(reference: ConfigNode | undefined): string {
  if (reference?.kind !== "map") return quote(reference);
  const { entries } = reference;
  return quote(entries.get("id") ?? entries.get("name") ?? entries.get("username"));
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
