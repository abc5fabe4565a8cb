/** The admin API: Kong's paths over the entities, and the pages that are ours. */

import { type ChangeContext, notFound } from "../control/change.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import { kindOf } from "../control/kinds.ts";
import { createPluginSchemas } from "../control/plugin-schemas.ts";
import { Refusal } from "../control/refusal.ts";
import type { Covers } from "../control/secrets.ts";
import { GatewayError } from "../errors.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Reply } from "../http/reply.ts";
import type { PluginDefinition } from "../plugins/plugin.ts";
import type { Schedule } from "../util/schedule.ts";
import { type AdminAccess, denialOf } from "./access.ts";
import { collectionReply } from "./collections.ts";
import { configReply } from "./declarative.ts";
import { notAllowed } from "./entity-services.ts";
import { type Explain, explainPage } from "./explain.ts";
import { endpointPaths, openApiDocument } from "./openapi.ts";
import { hasPage, jsonReply, type Pages, pageFor, refusalReply } from "./pages.ts";
import { sizeOf } from "./paging.ts";
import { linksReply } from "./partial-links.ts";
import type { ReloadResult } from "./reload.ts";
import { type AdminRequest, adminRequest, fieldsOf, maxAdminBody } from "./request.ts";
import { kongVersion, rootReply } from "./root.ts";
import {
  checkAlone,
  entitySchemaOf,
  kindNamed,
  partialSchemaOf,
  pluginSchemaOf,
  type SchemaSource,
} from "./schemas.ts";
import { tagsReply } from "./tags.ts";
import { typedFields } from "./typed-fields.ts";
import { type RunningUpstreams, type UpstreamServices, upstreamReply } from "./upstream-health.ts";
import { workspacesReply } from "./workspaces.ts";

export interface AdminSource {
  readonly version: string;
  readonly nodeId: string;
  readonly pid: number;
  readonly control: ControlPlane;
  readonly access: AdminAccess;
  readonly covers: Covers;
  readonly plugins: readonly PluginDefinition[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly newId: ChangeContext["newId"];
  readonly newSecret: ChangeContext["newSecret"];
  readonly wallClock: () => number;
  describe(): Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
  reload(): Promise<ReloadResult>;
  readonly explain: Explain;
  readonly upstreams: RunningUpstreams;
}

/** Answers every request of the admin listener; `pages` are those it shares with the status listener. */
export function createAdminApi(
  source: AdminSource,
  schedule: Schedule,
  pages: Pages,
): (exchange: Exchange) => Promise<Reply> {
  const { access, control, covers, env, newId, newSecret, nodeId, plugins, upstreams, wallClock } = source;
  const schemas = createPluginSchemas(plugins);
  const services: UpstreamServices = {
    control,
    upstreams,
    nodeId,
    access,
    covers,
    wallClock,
    context: { newId, newSecret, plugins: schemas, covers: covers.covers },
  };
  const schemaSource = { schemas, plugins, env };
  const own: Pages = { ...pages, ...ownPages(source, schedule) };

  async function answer(exchange: Exchange): Promise<Reply> {
    const request = adminRequest(exchange);
    const denial = denialOf(request, access);
    if (denial !== undefined) return jsonReply(denial.status, { message: denial.message });
    const page = `/${request.path.join("/")}`;
    if (hasPage(page, own)) return pageFor(exchange, own, page);
    const reply = (await sectionReply(request)) ?? (await collectionReply(request, services));
    return reply ?? pageFor(exchange, own, page);
  }

  /** Undefined where the path is none of those that are neither pages nor entities. */
  function sectionReply(request: AdminRequest): Reply | Promise<Reply | undefined> | undefined {
    switch (request.path[0]) {
      case "workspaces":
        return workspacesReply(request);
      case "schemas":
        return schemasReply(request, schemaSource);
      case "config":
        return request.path.length === 1 ? configReply(request, services) : undefined;
      case "partials":
        return request.path[2] === "links" ? linksReply(request, control) : undefined;
      case "upstreams":
        return upstreamReply(request, services);
      case "tags":
        return tagsReply(request, control);
      case "audit":
        return auditReply(request, control);
      default:
        return undefined;
    }
  }

  return async (exchange) => {
    try {
      const reply = await answer(exchange);
      return stamped(exchange.request.method === "OPTIONS" ? optionsReply(reply) : reply);
    } catch (error) {
      if (error instanceof Refusal) return stamped(refusalReply(error));
      if (error instanceof GatewayError && error.code === "body_too_large")
        return stamped(
          jsonReply(413, { message: `the body is too large: at most ${maxAdminBody} bytes are read` }),
        );
      throw error;
    }
  };
}

/** Whoever asks by what methods a path can be asked is told, and nothing that would let browsers ask from elsewhere. */
function optionsReply(reply: Reply): Reply {
  const { allow } = reply.headers;
  if (reply.status !== 405 || allow === undefined) return reply;
  const methods = new Set([...String(allow).split(", "), "OPTIONS"]);
  if (methods.has("GET")) methods.add("HEAD");
  return { status: 204, headers: { allow: [...methods].join(", ") }, body: undefined };
}

function ownPages(source: AdminSource, schedule: Schedule): Pages {
  const { control, nodeId, pid, plugins, version } = source;
  const root = () =>
    rootReply({
      version,
      nodeId,
      pid,
      plugins: plugins.map(({ name }) => name),
      enabled: control.entities.list(kindOf("plugin")).map(({ name }) => String(name)),
      isWritable: control.isWritable,
    });
  return {
    "GET /": root,
    // Where clients that name a workspace ask for the same.
    "GET /kong": root,
    "GET /status": async () =>
      jsonReply(200, {
        ...(await source.describe()),
        configuration_hash: control.hash,
        database: { reachable: control.outage === undefined },
        ...(control.fault !== undefined && { configuration_fault: control.fault }),
      }),
    "GET /plugins/enabled": () => jsonReply(200, { enabled_plugins: plugins.map(({ name }) => name) }),
    "GET /endpoints": () => jsonReply(200, { data: endpointPaths(), next: null }),
    "GET /openapi.json": () => jsonReply(200, openApiDocument(plugins)),
    "POST /reload": async () => {
      const result = await source.reload();
      return jsonReply(result.ok ? 200 : 400, result);
    },
    "POST /explain": (exchange) => explainPage(exchange, source.explain, schedule),
  };
}

/** `/schemas/services`, `/schemas/plugins/key-auth`, and either with `/validate`, where it is a POST. */
async function schemasReply(request: AdminRequest, source: SchemaSource): Promise<Reply> {
  const [, plural = "", name, more] = request.path;
  const isValidation =
    (name === "validate" && more === undefined) || (plural === "plugins" && more === "validate");
  if (isValidation) {
    if (request.method !== "POST") return notAllowed("POST");
    const sent = await fieldsOf(request);
    const named = name === "validate" ? sent : { ...sent, fields: { name, ...sent.fields } };
    checkAlone(plural, typedFields(kindNamed(plural), named, undefined, source.schemas), source);
    return jsonReply(200, { message: "schema validation successful" });
  }
  if (more !== undefined || plural === "") throw notFound();
  if (request.method !== "GET") return notAllowed("GET");
  if (name === undefined) return jsonReply(200, entitySchemaOf(plural));
  if (plural === "partials") return jsonReply(200, partialSchemaOf(name, source));
  if (plural !== "plugins") throw notFound();
  return jsonReply(200, pluginSchemaOf(name, source));
}

/** Who changed what, newest first: `?size=` and, for what is older, `?before=` the last version seen. */
async function auditReply(request: AdminRequest, control: ControlPlane): Promise<Reply> {
  if (request.path.length > 1) throw notFound();
  if (request.method !== "GET") return notAllowed("GET");
  const before = request.query.get("before");
  if (before !== null && !/^\d{1,15}$/.test(before))
    throw new Refusal("invalid_offset", "before must be the version of a change", { before });
  const limit = sizeOf(request.query.get("size"));
  const data = await control.audit({ limit, ...(before !== null && { before: Number(before) }) });
  const oldest = data.at(-1)?.version;
  const next = data.length < limit || oldest === undefined ? null : `/audit?size=${limit}&before=${oldest}`;
  return jsonReply(200, { data, next });
}

/** Kong's tools find out from it whom they talk to. */
function stamped(reply: Reply): Reply {
  reply.headers["server"] = `kong/${kongVersion}`;
  reply.headers["x-content-type-options"] = "nosniff";
  reply.headers["cache-control"] = "no-store";
  return reply;
}
