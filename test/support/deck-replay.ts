/**
 * What current decK (1.64 and 1.65, traced) asks of an admin API, without decK: the lists in parallel, the schemas and the
 * defaults in them, PUTs with ids of its own, and the comparison that finds nothing to do the second time.
 */
import { randomUUID } from "node:crypto";
import { request } from "undici";
import { differencesOf, keyOf, withoutLinked, withoutTimes } from "./deck-comparison.ts";
import {
  type Fields,
  filledConfig,
  filledEntity,
  isFields,
  type SchemaField,
  type SchemaRecord,
} from "./deck-defaults.ts";
import {
  type DeckEntity,
  type DeckKind,
  type DeckState,
  deckLevels,
  memberOf,
  readDeckState,
} from "./deck-state.ts";

/** Lists that must be there; decK gives up where one is not. */
const neededLists = ["services", "routes", "plugins", "consumers", "upstreams", "certificates", "snis"];

/** Lists of kinds that an admin API may not have. */
const otherLists = [
  "filter-chains",
  "ca_certificates",
  "vaults",
  "partials",
  "keys",
  "key-sets",
  "consumer_groups",
  "key-auths",
  "hmac-auths",
  "jwts",
  "basic-auths",
  "oauth2",
  "acls",
  "mtls-auths",
  "ai-models",
];

/** Asked for where the state has no tags. */
const untaggedLists = ["degraphql_routes", "graphql-rate-limiting-advanced/costs"];

/** Kinds whose defaults decK fills in. */
const schemaNames: Readonly<Partial<Record<DeckKind, string>>> = {
  services: "services",
  routes: "routes",
  upstreams: "upstreams",
  targets: "targets",
};

export interface ReplayOptions {
  readonly admin: string;
  /** What `${{ env "DECK_…" }}` stands for. */
  readonly env?: Readonly<Record<string, string>>;
  /** decK's is 1000; smaller ones make it page. */
  readonly pageSize?: number;
  /** Requests at one time; decK's `--parallelism`. */
  readonly parallelism?: number;
}

export interface ReplayChanges {
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
  /** Of what is updated: kind, key, and each field that differs, as it is there and as it was to be. */
  readonly differences: readonly string[];
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Fields;
}

/** One decK before one gateway. Every method rejects where decK would give up, with the answer that made it. */
export class DeckReplay {
  readonly #options: ReplayOptions;
  readonly #schemas = new Map<string, SchemaRecord | undefined>();

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /** The version decK takes the gateway to have. */
  async ping(): Promise<string> {
    const { body, headers } = await this.#get("/");
    const version = body["version"];
    if (typeof version !== "string" || !/^\d+\.\d+\.\d+/.test(version))
      throw new Error(`GET / has no version that decK could read: ${JSON.stringify(version)}`);
    if (!/^kong\/\d/i.test(String(headers["server"])) || String(headers["server"]).includes("ai-gateway"))
      throw new Error(`no Server header that decK's dump takes: ${headers["server"]}`);
    return version;
  }

  /** All there is, or what has all of the tags. */
  async read(tags: readonly string[] = []): Promise<readonly DeckEntity[]> {
    await this.ping();
    const lists = [...neededLists, ...otherLists, ...(tags.length > 0 ? [] : untaggedLists)];
    const read = await Promise.all(
      lists.map(
        async (list) => [list, await this.#list(`/${list}`, list === "mtls-auths" ? [] : tags)] as const,
      ),
    );
    const found = new Map(read);
    const simple = [
      "services",
      "routes",
      "plugins",
      "consumers",
      "upstreams",
      "vaults",
      "partials",
      "consumer_groups",
      "key-auths",
    ] as const;
    const entities = simple.flatMap((kind) =>
      (found.get(kind) ?? []).map((fields) => entityOf(kind, fields)),
    );
    const targets = await Promise.all(
      ofKind(entities, "upstreams").map(({ id }) => this.#list(`/upstreams/${id}/targets`, tags, true)),
    );
    const members = await Promise.all(
      ofKind(entities, "consumer_groups").map((group) => this.#members(group)),
    );
    return [...entities, ...targets.flat().map((fields) => entityOf("targets", fields)), ...members.flat()];
  }

  /** Makes the gateway what the state file says. */
  async sync(text: string): Promise<ReplayChanges> {
    return this.#compare(text, true);
  }

  /** Says what `sync` would do. */
  async diff(text: string): Promise<ReplayChanges> {
    return this.#compare(text, false);
  }

  /** Makes these entities, as another gateway has them, with their ids. */
  async bring(entities: readonly DeckEntity[]): Promise<void> {
    for (const level of deckLevels)
      await this.#all(
        entities.filter(({ kind }) => level.includes(kind)),
        (entity) => this.#put(entity),
      );
  }

  /** Deletes all there is. */
  async reset(): Promise<number> {
    const entities = await this.read();
    await this.#deleteAll(entities);
    return entities.length;
  }

  async #compare(text: string, isActing: boolean): Promise<ReplayChanges> {
    const { env = {} } = this.#options;
    const { tags } = readDeckState(text, env, () => "");
    const existing = new Map((await this.read(tags)).map((each) => [keyOf(each), each]));
    const made = new Map<string, string>();
    const wanted: DeckState = readDeckState(text, env, (kind, key) => {
      const name = `${kind} ${key}`;
      const id = existing.get(name)?.id ?? made.get(name) ?? randomUUID();
      made.set(name, id);
      return id;
    });
    for (const name of [...Object.values(schemaNames), "consumer_group_plugins"]) await this.#schema(name);
    const partials = ofKind(wanted.entities, "partials");
    const full = await Promise.all(wanted.entities.map((each) => this.#filled(each, partials)));
    const plan = full.map(({ entity, toSend }) => {
      const before = existing.get(keyOf(entity));
      const differences = before && differencesOf(withoutLinked(before), withoutLinked(entity));
      return { toSend, isNew: before === undefined, differences };
    });
    const kept = new Set(full.map(({ entity }) => keyOf(entity)));
    const gone = [...existing].filter(([key]) => !kept.has(key)).map(([, each]) => each);
    const changed = plan.filter(({ differences, isNew }) => isNew || (differences ?? []).length > 0);
    if (isActing) {
      await this.bring(changed.map(({ toSend }) => toSend));
      await this.#deleteAll(gone);
    }
    const created = changed.filter(({ isNew }) => isNew).length;
    return {
      created,
      updated: changed.length - created,
      deleted: gone.length,
      differences: changed.flatMap(({ differences = [] }) => differences),
    };
  }

  /** As it is compared, and as it is sent: a plugin's config goes as the file has it. */
  async #filled(
    given: DeckEntity,
    partials: readonly DeckEntity[],
  ): Promise<{ readonly entity: DeckEntity; readonly toSend: DeckEntity }> {
    if (given.kind === "partials") {
      const path = `partials/${given.fields["type"]}`;
      const schema = await this.#schema(path);
      if (schema === undefined) throw new Error(`GET /schemas/${path}: 404, which ends decK's sync`);
      const config = filledOf(schema, given);
      return { toSend: given, entity: { ...given, fields: { ...given.fields, config } } };
    }
    if (given.kind === "plugins") {
      const path = `plugins/${given.fields["name"]}`;
      const schema = await this.#schema(path);
      if (schema === undefined) throw new Error(`GET /schemas/${path}: 404, which ends decK's sync`);
      const protocols = fieldOf(schema, "protocols")?.default;
      const toSend = {
        ...given,
        fields: { enabled: true, ...(protocols !== undefined && { protocols }), ...given.fields },
      };
      const fields = {
        ...toSend.fields,
        ...linksOf(given, partials, schema),
        config: filledOf(schema, given),
      };
      return { toSend, entity: { ...toSend, fields } };
    }
    const name = schemaNames[given.kind];
    const schema = name === undefined ? undefined : await this.#schema(name);
    if (schema === undefined) return { entity: given, toSend: given };
    const entity = { ...given, fields: filledEntity(schema, given.fields) };
    return { entity, toSend: entity };
  }

  async #members({ fields, id }: DeckEntity): Promise<readonly DeckEntity[]> {
    const { body } = await this.#get(`/consumer_groups/${encodeURIComponent(String(fields["name"]))}`);
    if (
      !isFields(body["consumer_group"]) ||
      !Array.isArray(body["consumers"]) ||
      !Array.isArray(body["plugins"])
    )
      throw new Error(`a consumer group is shown without its consumers and plugins: ${JSON.stringify(body)}`);
    return body["consumers"].map((consumer: { readonly id: string }) =>
      memberOf({ id }, { id: consumer.id }),
    );
  }

  /** Page by page: `data` and `offset` are all that decK reads. */
  async #list(
    path: string,
    tags: readonly string[],
    isNeeded = neededLists.includes(path.slice(1)),
  ): Promise<readonly Fields[]> {
    const { pageSize = 1000 } = this.#options;
    const found: Fields[] = [];
    for (let offset: unknown = "first"; typeof offset === "string"; ) {
      const query = new URLSearchParams({
        ...(offset !== "first" && { offset }),
        size: String(pageSize),
        ...(tags.length > 0 && { tags: tags.join(",") }),
      });
      const { body, status } = await this.#ask("GET", `${path}?${query}`);
      if (!isNeeded && (status === 404 || (status === 400 && path === "/filter-chains"))) return [];
      if (status !== 200 || !Array.isArray(body["data"]))
        throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
      found.push(...(body["data"] as Fields[]));
      offset = body["offset"];
    }
    return found;
  }

  async #schema(name: string): Promise<SchemaRecord | undefined> {
    if (!this.#schemas.has(name)) {
      const { body, status } = await this.#ask("GET", `/schemas/${name}`);
      if (status !== 200 && status !== 404) throw new Error(`GET /schemas/${name}: ${status}`);
      if (status === 200 && !Array.isArray(body["fields"]))
        throw new Error(`/schemas/${name} has no list of fields`);
      this.#schemas.set(name, status === 200 ? (body as unknown as SchemaRecord) : undefined);
    }
    return this.#schemas.get(name);
  }

  async #put({ fields, id, kind }: DeckEntity): Promise<void> {
    if (kind === "members") {
      const body = { consumer: idIn(fields, "consumer") };
      await this.#demand(201, "POST", `/consumer_groups/${idIn(fields, "consumer_group")}/consumers`, body);
      return;
    }
    const answer = await this.#demand(200, "PUT", pathOf({ fields, id, kind }), withoutTimes(fields));
    if (answer.body["id"] !== id)
      throw new Error(`PUT of ${id} was answered with ${JSON.stringify(answer.body["id"])}`);
  }

  async #deleteAll(entities: readonly DeckEntity[]): Promise<void> {
    for (const level of deckLevels.toReversed())
      await this.#all(
        entities.filter(({ kind }) => level.includes(kind)),
        (entity) => this.#demand(204, "DELETE", pathOf(entity)),
      );
  }

  async #all(entities: readonly DeckEntity[], act: (entity: DeckEntity) => Promise<unknown>): Promise<void> {
    const { parallelism = 10 } = this.#options;
    for (let at = 0; at < entities.length; at += parallelism)
      await Promise.all(entities.slice(at, at + parallelism).map(act));
  }

  #get(path: string): Promise<Answer> {
    return this.#demand(200, "GET", path);
  }

  async #demand(
    status: number,
    method: "GET" | "PUT" | "POST" | "DELETE",
    path: string,
    body?: Fields,
  ): Promise<Answer> {
    const answer = await this.#ask(method, path, body);
    if (answer.status !== status)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  }

  async #ask(method: "GET" | "PUT" | "POST" | "DELETE", path: string, body?: Fields): Promise<Answer> {
    const answer = await request(`${this.#options.admin}${path}`, {
      method,
      headers: { "user-agent": "decK/v1.65.1", ...(body && { "content-type": "application/json" }) },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    const parsed: unknown = text === "" ? {} : JSON.parse(text);
    return { status: answer.statusCode, headers: answer.headers, body: isFields(parsed) ? parsed : {} };
  }
}

function pathOf({ fields, id, kind }: DeckEntity): string {
  if (kind === "key-auths") return `/consumers/${idIn(fields, "consumer")}/key-auth/${id}`;
  if (kind === "targets") return `/upstreams/${idIn(fields, "upstream")}/targets/${id}`;
  if (kind === "members")
    return `/consumer_groups/${idIn(fields, "consumer_group")}/consumers/${idIn(fields, "consumer")}`;
  return `/${kind}/${id}`;
}

function idIn(fields: Fields, field: string): string {
  const reference = fields[field];
  if (!isFields(reference) || typeof reference["id"] !== "string")
    throw new Error(`${field} is not a reference with an id: ${JSON.stringify(reference)}`);
  return reference["id"];
}

function entityOf(kind: DeckKind, fields: Fields): DeckEntity {
  if (typeof fields["id"] !== "string")
    throw new Error(`an entity of ${kind} has no id: ${JSON.stringify(fields)}`);
  return { kind, id: fields["id"], fields };
}

function ofKind(entities: readonly DeckEntity[], wanted: DeckKind): readonly DeckEntity[] {
  return entities.filter(({ kind }) => kind === wanted);
}

function fieldOf({ fields }: SchemaRecord, name: string): SchemaField | undefined {
  return fields.map((entry) => entry[name]).find((field) => field !== undefined);
}

function filledOf(schema: SchemaRecord, { fields }: DeckEntity): Fields {
  const own = isFields(fields["config"]) ? fields["config"] : {};
  return filledConfig({ fields: fieldOf(schema, "config")?.fields ?? [] }, own);
}

/** Links as decK compares them: where the file says no place, it is the only one that the schema tells for such partials. */
function linksOf(
  { fields }: DeckEntity,
  partials: readonly DeckEntity[],
  { supported_partials: supported = {} }: SchemaRecord,
): { readonly partials?: readonly Fields[] } {
  const { partials: links } = fields;
  if (!Array.isArray(links)) return {};
  return {
    partials: (links as readonly Fields[]).map((link) => {
      if (link["path"] !== undefined) return link;
      const type = String(partials.find(({ id }) => id === link["id"])?.fields["type"]);
      const [path, ...more] = supported[type] ?? [];
      if (path === undefined || more.length > 0)
        throw new Error(`decK wants one place for partials of type ${type}: ${JSON.stringify(supported)}`);
      return { ...link, path };
    }),
  };
}
