/** A state file of decK, taken apart into the entities it stands for. */
import { parse } from "yaml";
import type { Fields } from "./deck-defaults.ts";

export const deckKinds = [
  "consumers",
  "vaults",
  "partials",
  "consumer_groups",
  "services",
  "upstreams",
  "key-auths",
  "routes",
  "targets",
  "members",
  "plugins",
] as const;
export type DeckKind = (typeof deckKinds)[number];

/** Such as are made at one time; the next ones refer to them. */
export const deckLevels: readonly (readonly DeckKind[])[] = [
  ["consumers", "vaults", "partials"],
  ["consumer_groups", "services", "upstreams", "key-auths"],
  ["routes", "targets", "members"],
  ["plugins"],
];

export interface DeckEntity {
  readonly kind: DeckKind;
  readonly id: string;
  readonly fields: Fields;
}

export interface DeckState {
  readonly tags: readonly string[];
  readonly entities: readonly DeckEntity[];
}

/** The id of an entity that is there already or else a new one; `key` is what tells it from others of its kind. */
export type IdOf = (kind: DeckKind, key: string) => string;

interface Item extends Fields {
  readonly routes?: readonly Item[];
  readonly plugins?: readonly Item[];
  readonly targets?: readonly Item[];
  readonly groups?: readonly Item[];
  readonly keyauth_credentials?: readonly Item[];
}

interface Content extends Item {
  readonly _info?: { readonly select_tags?: readonly string[] };
  readonly services?: readonly Item[];
  readonly upstreams?: readonly Item[];
  readonly consumers?: readonly Item[];
  readonly consumer_groups?: readonly Item[];
  readonly vaults?: readonly Item[];
  readonly partials?: readonly Item[];
}

const parts = ["routes", "plugins", "targets", "groups", "keyauth_credentials"];

/** Of the kinds that this project's files have. */
export function readDeckState(text: string, env: Readonly<Record<string, string>>, idOf: IdOf): DeckState {
  const content = parse(withValues(text, env)) as Content; // our own fixture
  const tags = content._info?.select_tags ?? [];
  const reader = new StateReader(tags, idOf);
  for (const group of content.consumer_groups ?? []) reader.addGroup(group);
  for (const service of content.services ?? []) reader.addService(service);
  for (const upstream of content.upstreams ?? []) reader.addUpstream(upstream);
  for (const consumer of content.consumers ?? []) reader.addConsumer(consumer);
  for (const vault of content.vaults ?? []) reader.add("vaults", vault);
  for (const partial of content.partials ?? []) reader.add("partials", partial);
  for (const plugin of content.plugins ?? []) reader.addPlugin(plugin);
  return { tags, entities: reader.entities };
}

type Foreign = Readonly<Record<string, { readonly id: string }>>;

/** Takes items with what stands inside them. */
class StateReader {
  readonly entities: DeckEntity[] = [];
  readonly #tags: readonly string[];
  readonly #idOf: IdOf;

  constructor(tags: readonly string[], idOf: IdOf) {
    this.#tags = tags;
    this.#idOf = idOf;
  }

  add(kind: DeckKind, item: Item, foreign: Foreign = {}): { id: string } {
    const own = Object.fromEntries(Object.entries(item).filter(([name]) => !parts.includes(name)));
    const fields: Fields = { ...own, ...foreign, ...this.#linksIn(item) };
    const id = this.#idOf(kind, deckKey(kind, fields));
    const tags = [...((item["tags"] as readonly string[] | undefined) ?? []), ...this.#tags];
    this.entities.push({ kind, id, fields: { id, ...fields, ...(tags.length > 0 && { tags }) } });
    return { id };
  }

  /** Partials have names in files, and are asked by id. */
  #linksIn({ partials }: Item): { readonly partials?: readonly Fields[] } {
    if (!Array.isArray(partials)) return {};
    const links = partials as readonly Fields[]; // our own fixture
    return { partials: links.map((link) => ({ id: this.#idOf("partials", String(link["name"])), ...link })) };
  }

  addGroup(group: Item): void {
    const consumer_group = this.add("consumer_groups", group);
    for (const plugin of group.plugins ?? []) this.add("plugins", plugin, { consumer_group });
  }

  addService(service: Item): void {
    const owner = { service: this.add("services", withoutUrl(service)) };
    for (const plugin of service.plugins ?? []) this.add("plugins", plugin, owner);
    for (const each of service.routes ?? []) {
      const route = this.add("routes", each, owner);
      for (const plugin of each.plugins ?? []) this.add("plugins", plugin, { route });
    }
  }

  addUpstream(item: Item): void {
    const upstream = this.add("upstreams", item);
    for (const target of item.targets ?? []) this.add("targets", target, { upstream });
  }

  addConsumer(item: Item): void {
    const consumer = this.add("consumers", item);
    for (const credential of item.keyauth_credentials ?? []) this.add("key-auths", credential, { consumer });
    for (const { name } of item.groups ?? [])
      this.entities.push(memberOf({ id: this.#idOf("consumer_groups", String(name)) }, consumer));
  }

  /** Its scopes have names here, and are asked by id. */
  addPlugin(plugin: Item): void {
    const named = Object.entries(scopes).filter(([field]) => typeof plugin[field] === "string");
    const foreign = named.map(([field, kind]) => [field, { id: this.#idOf(kind, String(plugin[field])) }]);
    this.add("plugins", plugin, Object.fromEntries(foreign));
  }
}

const scopes = {
  service: "services",
  route: "routes",
  consumer: "consumers",
  consumer_group: "consumer_groups",
} as const satisfies Readonly<Record<string, DeckKind>>;

export function memberOf(
  consumer_group: { readonly id: string },
  consumer: { readonly id: string },
): DeckEntity {
  const fields = { consumer_group, consumer };
  return { kind: "members", id: deckKey("members", fields), fields };
}

/** What tells an entity from others of its kind, whatever its id. */
export function deckKey(kind: DeckKind, fields: Fields): string {
  const scope = ["service", "route", "consumer", "consumer_group", "upstream"].map(
    (field) => (fields[field] as { readonly id?: string } | null | undefined)?.id ?? "",
  );
  switch (kind) {
    case "consumers":
      return String(fields["username"]);
    case "key-auths":
      return String(fields["key"]);
    case "vaults":
      return String(fields["prefix"]);
    case "targets":
      return [fields["target"], ...scope].join(" ");
    case "members":
      return scope.join(" ");
    case "plugins":
      return [fields["name"], ...scope].join(" ");
    default:
      return String(fields["name"]);
  }
}

/** decK's own short form of four fields. */
function withoutUrl({ url, ...service }: Item): Item {
  if (url === undefined) return service;
  const { hostname: host, pathname, port, protocol } = new URL(String(url));
  return {
    ...service,
    host,
    port: Number(port || (protocol === "https:" ? 443 : 80)),
    protocol: protocol.slice(0, -1),
    ...(pathname !== "/" && { path: pathname }),
  };
}

function withValues(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{\{ env "(\w+)" \}\}/g, (_, name: string) => {
    const value = env[name];
    if (value === undefined) throw new Error(`the state file wants ${name}, which is not given`);
    return value;
  });
}
