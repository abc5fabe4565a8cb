/** The OpenAPI operations of pages that are no entities. */
import { operationId } from "./openapi-entities.ts";
import {
  answer,
  block,
  bodyOf,
  type Json,
  listOf,
  type Paths,
  pageSchema,
  pointerTo,
  refused,
} from "./openapi-parts.ts";
import { upstreamPaths } from "./openapi-upstreams.ts";

export function pagePaths(): Paths {
  const pages: Paths = {
    "/": { get: page("Who answers: version, node, plugins, kind of database", "Facts.") },
    "/workspaces": {
      get: {
        summary: "List the workspaces: `default`, by whose name every path may begin",
        responses: { "200": answer("The one.", wholeList(workspaceEntry)), ...refused() },
      },
    },
    "/workspaces/{workspace}": {
      get: {
        summary: "Get the workspace",
        parameters: [inPath("workspace", "`default`, or its id.")],
        responses: { "200": answer("The workspace.", workspaceEntry), ...refused("404") },
      },
    },
    "/status": { get: page("How the process, its parts and its configuration are doing", "Facts.") },
    "/metrics": {
      get: {
        summary: "What is counted, in Prometheus's text format",
        responses: { "200": { description: "The metrics.", content: text("text/plain") }, ...refused() },
      },
    },
    "/endpoints": {
      get: {
        summary: "List the paths",
        responses: { "200": answer("The paths.", wholeList({ type: "string" })), ...refused() },
      },
    },
    "/openapi.json": { get: page("This document", "It, with what this build has.") },
    "/plugins/enabled": {
      get: {
        summary: "List the plugins of this build",
        responses: {
          "200": answer("Their names.", block({ enabled_plugins: listOf({ type: "string" }) })),
          ...refused(),
        },
      },
    },
    ...schemaPaths,
    ...wholePaths,
    ...runningPaths,
    ...upstreamPaths(),
  };
  return Object.fromEntries(
    Object.entries(pages).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods).map(([method, operation]) => [
          method,
          {
            operationId: operationId(method, path === "/" ? "/root" : path),
            tags: ["gateway"],
            ...operation,
          },
        ]),
      ),
    ]),
  );
}

const validated: Json = {
  "200": answer("It fits.", block({ message: { type: "string" } })),
  ...refused("400", "404", "413"),
};

const schemaPaths: Paths = {
  "/schemas/{kind}": {
    get: {
      summary: "What a kind of entity may have, in the form that Kong's tools read",
      parameters: [inPath("kind", "Plural of the kind: `services`.")],
      responses: { "200": answer("The schema.", pointerTo("schemas", "kong-schema")), ...refused("404") },
    },
  },
  "/schemas/{kind}/validate": {
    post: {
      summary: "Check an entity alone, without changing anything; what it refers to need not be there",
      parameters: [inPath("kind", "Plural of the kind: `services`.")],
      requestBody: bodyOf("The entity.", { type: "object" }),
      responses: validated,
    },
  },
  "/schemas/partials/{type}": {
    get: {
      summary: "What the partials of a type may have",
      parameters: [inPath("type", "Type of the partials: `model`.")],
      responses: { "200": answer("The schema.", pointerTo("schemas", "kong-schema")), ...refused("404") },
    },
  },
  "/schemas/plugins/{name}": {
    get: {
      summary: "What a plugin's `config` may have",
      parameters: [inPath("name", "Name of the plugin.")],
      responses: { "200": answer("The schema.", pointerTo("schemas", "kong-schema")), ...refused("404") },
    },
  },
  "/schemas/plugins/{name}/validate": {
    post: {
      summary: "Check a plugin alone, without changing anything",
      parameters: [inPath("name", "Name of the plugin.")],
      requestBody: bodyOf("The plugin; its name may be left out.", { type: "object" }),
      responses: validated,
    },
  },
};

const workspaceEntry = block({ id: { type: "string", format: "uuid" }, name: { type: "string" } });

const onePage = [pointerTo("parameters", "size"), pointerTo("parameters", "offset")];

const linkEntry = block({
  id: { type: "string", format: "uuid" },
  name: { type: "string" },
  instance_name: { type: ["string", "null"] },
});

const tagEntry = block({
  entity_name: { type: "string" },
  entity_id: { type: "string" },
  tag: { type: "string" },
});

const wholePaths: Paths = {
  "/config": {
    get: {
      summary: "Everything as one declarative file",
      parameters: [pointerTo("parameters", "secrets")],
      responses: { "200": answer("The file, in YAML.", block({ config: { type: "string" } })), ...refused() },
    },
    post: {
      summary: "Replace everything by a declarative file; only without a database",
      parameters: [
        {
          name: "check_hash",
          in: "query",
          description: "`1`: answer 304 where the file is the one that runs.",
          schema: { type: "string" },
        },
        {
          name: "flatten_errors",
          in: "query",
          description: "`1`: list the errors of a wrong file entity by entity, as `flattened_errors`.",
          schema: { type: "string" },
        },
        pointerTo("parameters", "secrets"),
      ],
      requestBody: {
        description: "The file itself, or a field `config` that holds it.",
        required: true,
        content: { "application/json": { schema: { type: "object" } }, ...text("text/yaml") },
      },
      responses: {
        "201": answer("Kind → id → entity.", { type: "object", additionalProperties: { type: "object" } }),
        "304": { description: "It runs already." },
        ...refused("400", "405", "413"),
      },
    },
  },
  "/partials/{partial}/links": {
    get: {
      summary: "List the plugins that link a partial",
      parameters: [inPath("partial", "Id or name of the partial."), ...onePage],
      responses: {
        "200": answer("A page of them, by id.", pageSchema(linkEntry)),
        ...refused("400", "404"),
      },
    },
  },
  "/tags": {
    get: {
      summary: "List all tags, with the entities that have them",
      parameters: onePage,
      responses: {
        "200": answer("A page of them, by the entity's id.", pageSchema(tagEntry)),
        ...refused("400"),
      },
    },
  },
  "/tags/{tag}": {
    get: {
      summary: "List the entities with a tag",
      parameters: [inPath("tag", "The tag."), ...onePage],
      responses: { "200": answer("A page of them, by id.", pageSchema(tagEntry)), ...refused("400") },
    },
  },
  "/audit": {
    get: {
      summary: "List the changes, newest first, secrets covered; none without a database",
      parameters: [
        pointerTo("parameters", "size"),
        {
          name: "before",
          in: "query",
          description: "Only changes before this version.",
          schema: { type: "integer" },
        },
      ],
      responses: {
        "200": answer(
          "The changes.",
          block({ data: listOf({ type: "object" }), next: { type: ["string", "null"] } }),
        ),
        ...refused("400", "503"),
      },
    },
  },
};

const runningPaths: Paths = {
  "/reload": {
    post: {
      summary: "Read the configuration again",
      responses: {
        "200": answer("It runs.", pointerTo("schemas", "reload-result")),
        "400": answer("Nothing was changed, and why.", pointerTo("schemas", "reload-result")),
        ...refused(),
      },
    },
  },
  "/explain": {
    post: {
      summary: "Say where a request would go, and why, without sending it",
      requestBody: bodyOf(
        "The request, or a prompt that stands for one.",
        block(
          {
            prompt: { type: "string" },
            body: { type: "object" },
            headers: { type: "object", additionalProperties: { type: "string" } },
            model: { type: "string" },
            plugin: { type: "string", description: "`instance_name` or id of the plugin to ask." },
          },
          [],
        ),
      ),
      responses: {
        "200": answer(
          "One explanation for each plugin that chooses a target.",
          block({ explanations: listOf({ type: "object" }) }),
        ),
        default: { description: "No explanation, in the words of an AI error." },
        ...refused(),
      },
    },
  },
};

function page(summary: string, description: string): Json {
  return { summary, responses: { "200": answer(description, { type: "object" }), ...refused() } };
}

function wholeList(items: Json): Json {
  return block({ data: listOf(items), next: { type: "null" } });
}

function inPath(name: string, description: string): Json {
  return { name, in: "path", required: true, description, schema: { type: "string" } };
}

function text(type: string): Json {
  return { [type]: { schema: { type: "string" } } };
}
