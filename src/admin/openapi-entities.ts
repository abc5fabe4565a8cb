/** The OpenAPI operations of entities: lists, single ones, those within others, and who is in which group. */
import { type Kind, kindOf } from "../control/kinds.ts";
import {
  type EntityEndpoint,
  entityEndpoints,
  type MembershipEndpoint,
  membershipEndpoints,
} from "./endpoints.ts";
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
import { entityPointer, fieldsPointer, newEntityPointer } from "./openapi-schemas.ts";
import { askableFields } from "./paging.ts";

export function entityPaths(): Paths {
  const entities = entityEndpoints().map(
    (endpoint) =>
      [endpoint.path, endpoint.shape === "list" ? listPath(endpoint) : itemPath(endpoint)] as const,
  );
  const memberships = membershipEndpoints().map(
    (endpoint) =>
      [endpoint.path, endpoint.shape === "list" ? membersPath(endpoint) : memberPath(endpoint)] as const,
  );
  return Object.fromEntries([...entities, ...memberships]);
}

function listPath(endpoint: EntityEndpoint): Readonly<Record<string, Json>> {
  const { kind, owner, path } = endpoint;
  const words = wordsOf(kind);
  const place = owner === undefined ? "" : ` of a ${wordsOf(owner)}`;
  return {
    get: operation(path, "get", kind, `List the ${pluralWordsOf(kind)}${place}`, {
      parameters: [...idsOf(path), ...pageParameters(), ...askedParameters(kind), secretsParameter()],
      responses: {
        "200": answer("A page of them, by id.", pageOf(kind)),
        ...refused("400", ...missing(path)),
      },
    }),
    post: operation(path, "post", kind, `Create a ${words}${place}`, {
      parameters: [...idsOf(path), secretsParameter()],
      requestBody: bodyOf("The entity; what is left out gets its default.", sent(endpoint)),
      responses: {
        "201": answer("The entity in full.", entityPointer(kind)),
        ...refused("400", ...missing(path), "405", "409", "413", "503"),
      },
    }),
  };
}

function itemPath(endpoint: EntityEndpoint): Readonly<Record<string, Json>> {
  const { isReferredTo, kind, owner, path } = endpoint;
  const words = owner === undefined ? wordsOf(kind) : `${wordsOf(kind)} of a ${wordsOf(owner)}`;
  const changed = {
    "200": answer("The entity in full, as it is now.", entityPointer(kind)),
    ...refused("400", "404", "405", "409", "413", "503"),
  };
  const parameters = [...idsOf(path), secretsParameter()];
  return {
    get: operation(path, "get", kind, `Read a ${words}`, {
      parameters,
      responses: { "200": answer("The entity in full.", readOf(kind)), ...refused("404") },
    }),
    put: operation(path, "put", kind, `Replace a ${words}, or create it`, {
      parameters,
      requestBody: bodyOf("The entity; what is left out gets its default.", sent(endpoint)),
      responses: changed,
    }),
    patch: operation(path, "patch", kind, `Change fields of a ${words}`, {
      parameters,
      requestBody: bodyOf(
        "The fields to change: blocks field by field; lists and maps as wholes; null puts the default back.",
        fieldsPointer(kind),
      ),
      responses: changed,
    }),
    ...(isReferredTo !== true && {
      delete: operation(path, "delete", kind, `Delete a ${words}`, {
        parameters: idsOf(path),
        responses: {
          "204": { description: "It is not there, or no longer." },
          ...refused("400", ...missing(path), "405", "503"),
        },
      }),
    }),
  };
}

function membersPath({
  field,
  nested,
  other,
  own,
  path,
}: MembershipEndpoint): Readonly<Record<string, Json>> {
  const all = listOf(entityPointer(other));
  const summary = `the ${pluralWordsOf(other)} of a ${wordsOf(own)}`;
  return {
    get: operation(path, "get", own, `List ${summary}`, {
      parameters: [...idsOf(path), ...pageParameters(), secretsParameter()],
      responses: {
        "200": answer("A page of them, by id; the list stands under both names.", {
          allOf: [pageOf(other), block({ [nested]: all })],
        }),
        ...refused("400", "404"),
      },
    }),
    post: operation(path, "post", own, `Add to ${summary}`, {
      parameters: [...idsOf(path), secretsParameter()],
      requestBody: bodyOf("Whom to add: an id or name, or a list of them.", block({ [field]: named })),
      responses: {
        "201": answer("Who is together now.", block({ [own.name]: entityPointer(own), [nested]: all })),
        ...refused("400", "404", "405", "413", "503"),
      },
    }),
  };
}

function memberPath({ other, own, path }: MembershipEndpoint): Readonly<Record<string, Json>> {
  const summary = `one of the ${pluralWordsOf(other)} of a ${wordsOf(own)}`;
  return {
    get: operation(path, "get", own, `Read ${summary}`, {
      parameters: [...idsOf(path), secretsParameter()],
      responses: {
        "200": answer("The entity in full.", block({ [other.name]: entityPointer(other) })),
        ...refused("404"),
      },
    }),
    delete: operation(path, "delete", own, `Take out ${summary}`, {
      parameters: idsOf(path),
      responses: {
        "204": { description: "They are not together, or no longer." },
        ...refused("404", "405", "503"),
      },
    }),
  };
}

const named: Json = {
  anyOf: [
    { type: "string" },
    { type: "array", items: { anyOf: [{ type: "string" }, pointerTo("schemas", "reference")] } },
  ],
};

/** Below its owner, the path says whose it is. */
function sent({ kind, owner, shape }: EntityEndpoint): Json {
  const owners = kind.foreignKeys.filter(({ isRequired }) => isRequired).map(({ field }) => field);
  const isOwn =
    owner === undefined || (shape === "item" && owner.foreignKeys.some(({ to }) => to === kind.name));
  if (owners.length === 0 || !isOwn) return newEntityPointer(kind);
  return { allOf: [newEntityPointer(kind), { required: owners }] };
}

/** A group is read with its members and plugins. */
function readOf(kind: Kind): Json {
  if (kind.name !== "consumer_group") return entityPointer(kind);
  return block({
    consumer_group: entityPointer(kind),
    consumers: listOf(entityPointer(kindOf("consumer"))),
    plugins: listOf(entityPointer(kindOf("plugin"))),
  });
}

function pageOf(kind: Kind): Json {
  return pageSchema(entityPointer(kind));
}

function operation(path: string, method: string, kind: Kind, summary: string, rest: Json): Json {
  return { operationId: operationId(method, path), tags: [pluralWordsOf(kind)], summary, ...rest };
}

/** `get` and `/services/{service}/routes` → `get-services-service-routes`. */
export function operationId(method: string, path: string): string {
  const words = path.split(/[^\w-]+/).filter((word) => word !== "");
  return [method, ...words].join("-").replaceAll("_", "-");
}

function idsOf(path: string): readonly Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    description: idWords(kindOf(name)),
    schema: { type: "string" },
  }));
}

function idWords({ nameField }: Kind): string {
  return nameField === undefined ? "Its id." : `Its id or \`${nameField}\`.`;
}

function missing(path: string): readonly "404"[] {
  return path.includes("}/") ? ["404"] : [];
}

function pageParameters(): readonly Json[] {
  return ["size", "offset", "tags"].map((name) => pointerTo("parameters", name));
}

function askedParameters(kind: Kind): readonly Json[] {
  return askableFields(kind).map((name) => ({
    name,
    in: "query",
    description: "Only the one with this value.",
    schema: { type: "string" },
  }));
}

function secretsParameter(): Json {
  return pointerTo("parameters", "secrets");
}

function wordsOf({ name }: Kind): string {
  return name.replaceAll("_", " ");
}

function pluralWordsOf({ plural }: Kind): string {
  return plural.replaceAll("_", " ");
}
