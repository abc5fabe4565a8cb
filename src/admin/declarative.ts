/** `/config`: everything as one file, out and, where a file is what is served, in. */
import { stringify } from "yaml";
import { isBlock } from "../control/complete.ts";
import { documentOf } from "../control/document.ts";
import type { EntityRecord } from "../control/entity-set.ts";
import { hashOfText } from "../control/hash.ts";
import { kinds } from "../control/kinds.ts";
import { Refusal } from "../control/refusal.ts";
import type { Reply } from "../http/reply.ts";
import { asker, type EntityServices, notAllowed, shower } from "./entity-services.ts";
import { flattened } from "./flattened-errors.ts";
import { parseForm } from "./form.ts";
import { jsonReply, refusalReply } from "./pages.ts";
import { type AdminRequest, bytesOf, decodedText, headerOf, mediaTypeOf } from "./request.ts";

/** Rejects with a `Refusal`. */
export async function configReply(request: AdminRequest, services: EntityServices): Promise<Reply> {
  if (request.method === "GET") return jsonReply(200, { config: stringify(shown(request, services)) });
  if (request.method !== "POST") return notAllowed("GET, POST");
  const { control } = services;
  const text = await textOf(request);
  if (isOn(request, "check_hash") && hashOfText(text) === control.hash)
    return { status: 304, headers: {}, body: undefined };
  try {
    await control.replaceAll(asker(request, services), text);
  } catch (error) {
    if (error instanceof Refusal && error.kind === "declarative" && isOn(request, "flatten_errors"))
      return refusalReply(error, flattened(text, error.fields ?? {}));
    throw error;
  }
  return jsonReply(201, byKind(request, services));
}

function isOn({ query }: AdminRequest, name: string): boolean {
  return query.get(name) === "1" || query.get(name) === "true";
}

/** Without what has no value, as a person would write it. */
function shown(request: AdminRequest, services: EntityServices): Readonly<Record<string, unknown>> {
  const { content } = documentOf(services.control.entities);
  const entries = Object.entries(content).map(([plural, list]) => {
    const kind = kinds.find((each) => each.plural === plural);
    if (kind === undefined || !Array.isArray(list)) return [plural, list] as const;
    return [
      plural,
      (list as readonly EntityRecord[]).map(shower(request, kind, services)).map(withoutNulls),
    ] as const;
  });
  return Object.fromEntries(entries);
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isBlock(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([name, inner]) => [name, withoutNulls(inner)]),
  );
}

/** Kind → id → entity, as Kong answers. */
function byKind(request: AdminRequest, services: EntityServices): Readonly<Record<string, unknown>> {
  const lists = kinds.map((kind) => {
    const show = shower(request, kind, services);
    const records = services.control.entities.list(kind);
    return [kind.plural, Object.fromEntries(records.map((record) => [record.id, show(record)]))] as const;
  });
  return Object.fromEntries(lists.filter(([, records]) => Object.keys(records).length > 0));
}

/** The file itself, or a field `config` that holds it. */
async function textOf(request: AdminRequest): Promise<string> {
  const bytes = await bytesOf(request);
  const type = mediaTypeOf(request);
  if (type === "application/x-www-form-urlencoded" || type === "multipart/form-data") {
    const { config } = await parseForm(bytes, headerOf(request, "content-type") ?? type);
    if (typeof config === "string") return config;
    throw missing();
  }
  const text = decodedText(bytes);
  const sent = type === "application/json" || type === "" ? parsed(text) : undefined;
  if (sent === undefined || !("config" in sent)) return text;
  if (typeof sent["config"] !== "string") throw missing();
  return sent["config"];
}

function missing(): Refusal {
  return new Refusal(
    "schema_violation",
    "expected a declarative configuration: send the file, or a field config with it",
    {
      config: "required field missing",
    },
  );
}

/** Undefined where it is no JSON object; then it is YAML, or the loader says what is wrong with it. */
function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isBlock(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
