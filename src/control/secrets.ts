/**
 * Secrets of entities: covered when they are shown, and found again when what covers them is sent back. A cover has a tag
 * of its secret, made with a key that only the gateway has, so that it fits that one secret wherever it has been moved to,
 * and tells nothing of it.
 */
import { createHmac } from "node:crypto";
import { type FieldSchema, fieldAt } from "../config/field-schema.ts";
import type { Path } from "../config/problem.ts";
import { coverOf, isCover } from "../util/secret-cover.ts";
import { isBlock } from "./complete.ts";
import type { Kind } from "./kinds.ts";
import { type PluginSchemas, schemaOf } from "./plugin-schemas.ts";
import { schemaViolation } from "./refusal.ts";

export interface Covers {
  /** What is shown in place of a secret. */
  readonly cover: (secret: string) => string;
  readonly covers: (text: string, secret: string) => boolean;
}

/** `key`: what makes covers of one gateway, or of those with one token, fit. */
export function createCovers(key: string | Buffer): Covers {
  const make = (secret: string) =>
    coverOf(createHmac("sha256", key).update(secret).digest("hex").slice(0, 16));
  return { cover: make, covers: (text, secret) => text === make(secret) };
}

export function isSecretField({ fields }: Kind, field: string): boolean {
  return fieldAt(fields, [field])?.secret === true;
}

/** The entity with its secrets covered. What points to a vault is no secret. */
export function covered(
  kind: Kind,
  record: Readonly<Record<string, unknown>>,
  plugins: PluginSchemas,
  { cover: make }: Pick<Covers, "cover">,
): Readonly<Record<string, unknown>> {
  const hide = (text: string) => (isReference(text) ? text : make(text));
  return mapSecrets(kind, record, plugins, hide);
}

/** The entity with the secrets that covers in it stand for, which `existing` has. Throws a `Refusal` for a cover of none. */
export function uncovered(
  kind: Kind,
  record: Readonly<Record<string, unknown>>,
  existing: Readonly<Record<string, unknown>> | undefined,
  { covers, plugins }: Pick<Covers, "covers"> & { readonly plugins: PluginSchemas },
): Readonly<Record<string, unknown>> {
  const known: string[] = [];
  if (existing !== undefined)
    mapSecrets(kind, existing, plugins, (text) => {
      known.push(text);
      return text;
    });
  return mapSecrets(kind, record, plugins, (text, path) => {
    if (!isCover(text)) return text;
    const secret = known.find((each) => covers(text, each));
    if (secret !== undefined) return secret;
    const message =
      "stands for a secret that this entity does not have, or no longer: send the secret itself, or a vault reference";
    throw schemaViolation([{ path, message }]);
  });
}

function isReference(text: string): boolean {
  return text.startsWith("{vault://") && text.endsWith("}");
}

type Mapped = (text: string, path: Path) => string;

function mapSecrets(
  kind: Kind,
  record: Readonly<Record<string, unknown>>,
  plugins: PluginSchemas,
  map: Mapped,
): Readonly<Record<string, unknown>> {
  return mapFields(schemaOf(kind, record, plugins), record, map, []);
}

function mapFields(
  schema: FieldSchema,
  block: Readonly<Record<string, unknown>>,
  map: Mapped,
  path: Path,
): Readonly<Record<string, unknown>> {
  const fields = Object.entries(block).map(([name, value]) => {
    const field = fieldAt(schema, [name]);
    const at = { path: [...path, name], isSecret: field?.secret === true };
    return [name, mapValue(field, value, map, at)] as const;
  });
  return Object.fromEntries(fields);
}

function mapValue(
  schema: FieldSchema | undefined,
  value: unknown,
  map: Mapped,
  at: { readonly path: Path; readonly isSecret: boolean },
): unknown {
  const { isSecret, path } = at;
  if (typeof value === "string") return isSecret && value !== "" ? map(value, path) : value;
  if (Array.isArray(value))
    return value.map((item, index) =>
      mapValue(schema?.items, item, map, { path: [...path, index], isSecret }),
    );
  if (!isBlock(value) || schema === undefined) return value;
  if (!isSecret) return mapFields(schema, value, map, path);
  // A whole block that is secret, such as headers: every text in it.
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      mapValue(fieldAt(schema, [name]) ?? {}, inner, map, { path: [...path, name], isSecret: true }),
    ]),
  );
}
