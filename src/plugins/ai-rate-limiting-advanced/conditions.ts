/** Whom a policy is for: conditions of the config, and the identifiers by which callers are told apart. */
import { BlockList, isIPv4, isIPv6 } from "node:net";
import type { Consumer, ConsumerGroup } from "../../consumers/consumer.ts";
import type { Exchange } from "../../http/exchange.ts";
import { automatic } from "../../llm/automatic-model.ts";
import type { ConditionConfig, RateLimitingConfig } from "./config.ts";

/** What a condition may look at. */
export interface Subject {
  readonly exchange: Exchange;
  /** As the client asked for it. */
  readonly model: unknown;
}

/** A condition, compiled: the value that fits, or undefined. `provider` is the one that would answer. */
export interface Condition {
  readonly isPartition: boolean;
  find(subject: Subject, provider: string): string | undefined;
}

export function compileCondition({ key, partition_by, type, values }: ConditionConfig): Condition {
  const fits = fitting(type, values);
  const candidates = attribute(type, key);
  return {
    isPartition: partition_by,
    find: (subject, provider) => candidates(subject, provider).find(fits),
  };
}

/** By whom `llm_providers` count. */
export function identify(
  { header_name = "", identifier, path }: RateLimitingConfig,
  pluginId: string,
): (exchange: Exchange) => string {
  const ways: Readonly<Record<RateLimitingConfig["identifier"], (exchange: Exchange) => string | undefined>> =
    {
      consumer: ({ consumer, credential }) => consumer?.id ?? credential?.id,
      // The group is the one that this instance stands at.
      "consumer-group": () => pluginId,
      credential: ({ credential }) => credential?.id,
      header: (exchange) => headerOf(exchange, header_name),
      ip: () => undefined,
      path: ({ request }) => (request.path === path ? path : undefined),
      service: ({ service }) => service?.name,
    };
  const own = ways[identifier];
  // As in Kong: who has none of it is known by the address.
  return (exchange) => own(exchange) ?? exchange.request.clientIp;
}

/** What the client may be said to be, best first. */
function attribute(
  type: ConditionConfig["type"],
  key: string | undefined,
): (subject: Subject, provider: string) => readonly string[] {
  const some = (value: string | undefined) => (value === undefined || value === "" ? [] : [value]);
  if (type === "provider") return (_, provider) => [provider];
  if (type === "model") return ({ model }) => [typeof model === "string" && model !== "" ? model : automatic];
  if (type === "path") return ({ exchange }) => [exchange.request.path];
  if (type === "ip") return ({ exchange }) => some(exchange.request.clientIp);
  if (type === "header") return ({ exchange }) => some(headerOf(exchange, key ?? ""));
  if (type === "consumer") return ({ exchange }) => namesOfConsumer(exchange.consumer, key);
  return ({ exchange }) => (exchange.consumer?.groups ?? []).flatMap((group) => namesOfGroup(group, key));
}

function namesOfConsumer(consumer: Consumer | undefined, key: string | undefined): readonly string[] {
  if (consumer === undefined) return [];
  const { customId, id, username } = consumer;
  const byKey: Readonly<Record<string, string | undefined>> = { username, id, custom_id: customId };
  return (key === undefined ? [username, id, customId] : [byKey[key]]).filter((name) => name !== undefined);
}

function namesOfGroup({ id, name }: ConsumerGroup, key: string | undefined): readonly string[] {
  if (key === undefined) return [name, id];
  return [key === "id" ? id : name];
}

function fitting(
  type: ConditionConfig["type"],
  values: readonly string[] | undefined,
): (value: string) => boolean {
  if (values === undefined || values.length === 0) return () => true;
  if (type === "ip") return addressIn(values);
  if (type === "path")
    return (path) => values.some((value) => path === value || path.startsWith(value.replace(/\/?$/, "/")));
  const known = new Set(values);
  return (value) => known.has(value);
}

/** True for what `addressIn` can read: an address, or a range as `10.0.0.0/8`. */
export function isAddress(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : undefined;
  if (most === undefined || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
}

function addressIn(values: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const value of values) {
    const [address = "", bits] = value.split("/");
    const family = familyOf(address);
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => list.check(address, familyOf(address));
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}

function headerOf({ request }: Exchange, name: string): string | undefined {
  const value = request.headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(", ") : value;
}
