/** The OpenAPI operations of what runs of upstreams. */
import { kindOf } from "../control/kinds.ts";
import { answer, block, type Json, listOf, type Paths, pointerTo, refused } from "./openapi-parts.ts";
import { entityPointer } from "./openapi-schemas.ts";

/** Without ids of operations and tags, which are derived from the path. */
export function upstreamPaths(): Paths {
  const target = "/upstreams/{upstream}/targets/{target}";
  return {
    "/upstreams/{upstream}/health": { get: healthOperation() },
    "/upstreams/{upstream}/targets/all": { get: listOperation() },
    ...markPaths(target, [upstreamId, targetId]),
    ...markPaths(`${target}/{address}`, [upstreamId, targetId, addressName]),
  };
}

const upstreamId = inPath("upstream", "Its id or `name`.");
const targetId = inPath("target", "Its id or `target`.");
const addressName = inPath("address", "The target's own address, `host:port`.");

const pageParameters = ["size", "offset", "tags"].map((name) => pointerTo("parameters", name));

const nextPage: Json = { type: ["string", "null"], description: "Path of the next page; null at the last." };
const offset: Json = { type: "string", description: "What `offset` is to be for the next page." };

const health: Json = { type: "string", enum: ["HEALTHY", "UNHEALTHY", "HEALTHCHECKS_OFF"] };
const weight: Json = { type: "integer" };

function healthOperation(): Json {
  const upstream = block({
    data: block({ id: { type: "string" }, health }),
    next: { type: "null" },
    node_id,
  });
  return {
    summary: "Say how the targets of an upstream are, or the upstream as a whole",
    parameters: [
      upstreamId,
      {
        name: "balancer_health",
        in: "query",
        description: "`1`: the upstream as a whole, by its `healthchecks.threshold`.",
        schema: { type: "string" },
      },
      ...pageParameters,
    ],
    responses: {
      "200": answer("A page of the targets, by id; or the upstream.", { anyOf: [targetsPage(), upstream] }),
      ...refused("400", "404", "503"),
    },
  };
}

const node_id: Json = { type: "string", description: "The gateway that says so." };

/** Each with all fields of the entity besides. */
function targetsPage(): Json {
  const place = { port: { type: ["integer", "null"] } };
  const target = block({
    id: { type: "string" },
    target: { type: "string" },
    health,
    data: block({
      host: { type: ["string", "null"] },
      ...place,
      nodeWeight: weight,
      weight: block({ total: weight, available: weight, unavailable: weight }),
      addresses: listOf(block({ ip: { type: "string" }, ...place, health, weight })),
    }),
  });
  return block({ data: listOf(target), next: nextPage, offset, total: { type: "integer" }, node_id }, [
    "data",
    "next",
    "total",
    "node_id",
  ]);
}

function listOperation(): Json {
  return {
    summary: "List all targets of an upstream",
    parameters: [upstreamId, ...pageParameters],
    responses: {
      "200": answer(
        "A page of them, by id.",
        block({ data: listOf(entityPointer(kindOf("target"))), next: nextPage, offset }, ["data", "next"]),
      ),
      ...refused("400", "404"),
    },
  };
}

function markPaths(path: string, parameters: readonly Json[]): Paths {
  const marks = [
    ["healthy", "Have a target used again, and forget what checks have counted of it"],
    ["unhealthy", "Have a target left out until it is marked healthy, or an active check finds it well"],
  ] as const;
  return Object.fromEntries(
    marks.map(([name, summary]) => {
      const responses = { "204": { description: "It is." }, ...refused("404", "503") };
      const description =
        "In all gateways on the database. 503: perhaps not in all, the message says where; the same again does no harm.";
      const operation = { summary, description, parameters, responses };
      return [`${path}/${name}`, { put: operation, post: operation }];
    }),
  );
}

function inPath(name: string, description: string): Json {
  return { name, in: "path", required: true, description, schema: { type: "string" } };
}
