/** The OpenAPI 3.1 document of the whole admin API, derived from the kinds of entities and the plugins. */
import type { PluginDefinition } from "../plugins/plugin.ts";
import { entityPaths } from "./openapi-entities.ts";
import { pagePaths } from "./openapi-pages.ts";
import { block, type Json, jsonOf, listOf, type Paths, pointerTo } from "./openapi-parts.ts";
import { componentSchemas } from "./openapi-schemas.ts";
import { maxPageSize } from "./paging.ts";
import { kongVersion } from "./root.ts";

export interface OpenApiDocument extends Json {
  readonly paths: Paths;
}

const description = `Kong's admin API over what a Sluice gateway has configured.
Bodies may be JSON, or forms as \`curl -d\` and \`curl -F\` send them (\`config.key_names[]=apikey\`).
A text may be a vault reference such as \`{vault://env/my-key}\`; so may a number or a truth value.
Secrets are shown covered (\`****** (sluice:…)\`); a cover that is sent back stands for the secret it covers.
Without a database entities are changed in their file, and every change here answers 405.`;

/** The same for the same build. */
export function openApiDocument(plugins: readonly PluginDefinition[]): OpenApiDocument {
  return {
    openapi: "3.1.0",
    info: {
      title: "Sluice admin API",
      description,
      version: kongVersion,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "http://127.0.0.1:8001", description: "Where it listens unless told otherwise." }],
    // The last one: without a token whoever reaches the address may ask.
    security: [{ token: [] }, { bearer: [] }, {}],
    paths: { ...pagePaths(), ...entityPaths() },
    components: {
      securitySchemes: {
        token: { type: "apiKey", in: "header", name: "Kong-Admin-Token" },
        bearer: { type: "http", scheme: "bearer" },
      },
      parameters,
      responses,
      schemas: { ...componentSchemas(plugins), "reload-result": reloadResult },
    },
  };
}

/** The paths of the document, as `/endpoints` lists them. */
export function endpointPaths(): readonly string[] {
  return Object.keys({ ...pagePaths(), ...entityPaths() }).toSorted();
}

const reloadResult = block({ ok: { type: "boolean" }, messages: listOf({ type: "string" }) });

const parameters: Json = {
  size: {
    name: "size",
    in: "query",
    description: "Entities of a page.",
    schema: { type: "integer", minimum: 1, maximum: maxPageSize, default: 100 },
  },
  offset: {
    name: "offset",
    in: "query",
    description: "What the page before gave as `offset`.",
    schema: { type: "string" },
  },
  tags: {
    name: "tags",
    in: "query",
    description: "`a,b`: only those with both tags; `a/b`: with one of them.",
    schema: { type: "string" },
  },
  secrets: {
    name: "Sluice-Secrets",
    in: "header",
    description: "`plain`: show secrets as they are, unless the gateway shows them to nobody.",
    schema: { type: "string", enum: ["plain"] },
  },
};

const responses: Json = Object.fromEntries(
  Object.entries({
    "bad-request": "It does not fit: `fields` says where and why.",
    unauthorized: "The token is missing or wrong.",
    "not-found": "There is no such entity.",
    "not-writable": "This gateway is not using a database, or, for /config, it is.",
    conflict: "Another entity has this id or a value that only one may have.",
    "too-large": "The body is too large.",
    unavailable:
      "The config store does not answer, or the gateway could not take the change. Nothing was changed.",
  }).map(([name, text]) => [name, { description: text, content: jsonOf(pointerTo("schemas", "error")) }]),
);
