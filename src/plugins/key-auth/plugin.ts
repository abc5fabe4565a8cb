import type { Consumer, KnownKey } from "../../consumers/consumer.ts";
import { type ErrorCode, GatewayError } from "../../errors.ts";
import { requestBody } from "../../http/body.ts";
import type { ClientRequest, Exchange } from "../../http/exchange.ts";
import { definePlugin, type Plugin, type PluginServices } from "../plugin.ts";
import { type BodyFields, type BodyFormat, bodyFormat } from "./body-fields.ts";
import { checkKeyAuth, type KeyAuthConfig, keyAuthConfig } from "./config.ts";
import { bearerToken, type FoundKey, findKey, type KeyPlaces } from "./find-key.ts";
import { type HiddenParts, withIdentity, withoutCredentials, withoutIdentity } from "./onward.ts";

/** Lets in who shows a key that the config knows, and tells the stages after it who that is. */
export const keyAuth = definePlugin({
  name: "key-auth",
  summary: "Asks clients for a key, and finds out by it which consumer calls.",
  config: keyAuthConfig,
  authenticates: true,
  references: { anonymous: "consumer" },
  check: checkKeyAuth,
  create: (config, services) => new KeyAuth(config, services),
});

class KeyAuth implements Plugin {
  readonly credentialNames: readonly string[];
  readonly #config: KeyAuthConfig;
  readonly #wallClock: () => number;
  readonly #places: KeyPlaces;
  readonly #anonymous: string | undefined;
  readonly #challenge: string;
  readonly #lowerNames: readonly string[];
  readonly #parameters: ReadonlySet<string>;

  constructor(config: KeyAuthConfig, { wallClock }: Pick<PluginServices, "wallClock">) {
    const { anonymous, key_names: names, realm } = config;
    this.credentialNames = names;
    this.#config = config;
    this.#wallClock = wallClock;
    this.#places = {
      names,
      inHeader: config.key_in_header,
      inQuery: config.key_in_query,
      inBearer: config.key_in_bearer,
    };
    this.#anonymous = anonymous === "" ? undefined : anonymous;
    this.#challenge = realm === undefined ? "Key" : `Key realm="${realm.replace(/["\\]/g, "\\$&")}"`;
    this.#lowerNames = names.map((name) => name.toLowerCase());
    this.#parameters = new Set(names);
  }

  /** About 6 µs for a key in a header, most of it for hashing (measured, Node 20). */
  access(exchange: Exchange): undefined | Promise<undefined> {
    const { key_in_body, max_request_body_size, run_on_preflight } = this.#config;
    if (!run_on_preflight && exchange.request.method === "OPTIONS") {
      forgetClaims(exchange);
      return undefined;
    }
    // Several ways in, of which one is enough: another plugin has found out who calls.
    if (this.#anonymous !== undefined && exchange.credential !== undefined) return undefined;
    const format = key_in_body ? bodyFormat(contentType(exchange.request)) : undefined;
    if (format === undefined) return this.#decide(exchange, undefined, undefined);
    return readBody(exchange, max_request_body_size).then((bytes) =>
      this.#decide(exchange, format(bytes), format),
    );
  }

  describe(): readonly string[] {
    const others = this.#anonymous === undefined ? [] : [`everybody else is taken for ${this.#anonymous}`];
    return [`keys in ${placesInWords(this.#config)}`, ...others];
  }

  /** Throws `GatewayError`. */
  #decide(exchange: Exchange, body: BodyFields | undefined, format: BodyFormat | undefined): undefined {
    const found = findKey(exchange.request, body, this.#places);
    const match = found.kind === "key" ? exchange.consumers?.findByKey(found.key) : undefined;
    const known = match !== undefined && this.#isGood(match) ? match : undefined;
    const consumer = known?.consumer ?? this.#anonymousConsumer(exchange);
    if (consumer === undefined)
      throw new GatewayError(refusals[found.kind], {}, { challenge: this.#challenge });
    exchange.consumer = consumer;
    exchange.credential = known === undefined ? undefined : { id: known.credential.id };
    const headers = this.#showsKeyAsToken(exchange, found, match)
      ? [...this.#lowerNames, "authorization"]
      : this.#lowerNames;
    this.#sendOn(exchange, consumer, { headers, parameters: this.#parameters, format });
    return undefined;
  }

  #isGood({ credential: { expiresAtMs } }: KnownKey): boolean {
    return expiresAtMs === undefined || this.#wallClock() < expiresAtMs;
  }

  /** That it is in the file has been checked when the file was read. */
  #anonymousConsumer({ consumers }: Exchange): Consumer | undefined {
    return this.#anonymous === undefined ? undefined : consumers?.find(this.#anonymous);
  }

  /** A token that is no key of ours is meant for the upstream, e.g. the anonymous caller's own. */
  #showsKeyAsToken({ consumers, request }: Exchange, found: FoundKey, match: KnownKey | undefined): boolean {
    const token = this.#places.inBearer ? bearerToken(request) : undefined;
    if (token === undefined) return false;
    if (found.kind === "key" && found.key === token) return match !== undefined;
    return consumers?.findByKey(token) !== undefined;
  }

  #sendOn(exchange: Exchange, consumer: Consumer, hidden: HiddenParts): void {
    const { toService, toVendor } = exchange.onward;
    const signed = (request: ClientRequest) => withIdentity(request, consumer, exchange.credential);
    const forVendor = signed(withoutCredentials(toVendor, hidden));
    if (!this.#config.hide_credentials) {
      exchange.onward = { toService: signed(toService), toVendor: forVendor };
    } else {
      const isSame = toService === toVendor;
      const forService = isSame ? forVendor : signed(withoutCredentials(toService, hidden));
      exchange.onward = { toService: forService, toVendor: forVendor };
    }
  }
}

const refusals: Readonly<Record<FoundKey["kind"], ErrorCode>> = {
  none: "no_api_key",
  key: "unauthorized",
  duplicate: "duplicate_api_key",
};

/** Reads it once for everybody: from here on both views have the bytes. */
async function readBody(exchange: Exchange, limit: number): Promise<Buffer> {
  const { toService, toVendor } = exchange.onward;
  const bytes = await requestBody(toService, limit);
  const read = { ...toService, bytes };
  exchange.onward = { toService: read, toVendor: toVendor === toService ? read : { bytes, ...toVendor } };
  return bytes;
}

function forgetClaims(exchange: Exchange): void {
  const { toService, toVendor } = exchange.onward;
  exchange.onward = { toService: withoutIdentity(toService), toVendor: withoutIdentity(toVendor) };
}

function contentType({ headers }: ClientRequest): string | undefined {
  return headers["content-type"] as string | undefined; // node:http never gives a list for it
}

function placesInWords(config: KeyAuthConfig): string {
  const kinds = [
    ...(config.key_in_header ? ["header"] : []),
    ...(config.key_in_query ? ["query"] : []),
    ...(config.key_in_body ? ["body"] : []),
  ];
  const named = kinds.length === 0 ? [] : [`${kinds.join(", ")} under ${config.key_names.join(", ")}`];
  return [...named, ...(config.key_in_bearer ? ["Authorization: Bearer"] : [])].join("; ");
}
