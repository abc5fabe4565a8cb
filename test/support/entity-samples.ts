/** A small valid body for each kind of entity. A new kind needs its line here, and is tested like the others then. */
import { readFileSync } from "node:fs";

type Fields = Readonly<Record<string, unknown>>;

/** A certificate of the tests, or its key. */
export function tlsFile(name: string): string {
  return readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), "utf8");
}

export interface EntitySample {
  /** Different for each number. What it has to belong to is added by the test. */
  readonly body: (number: number) => Fields;
  /** A field that may be set to this alone. */
  readonly patch: Fields;
}

export const entitySamples: Readonly<Record<string, EntitySample>> = {
  service: {
    body: (number) => ({ name: `service-${number}`, host: "upstream.example", protocol: "https" }),
    patch: { port: 8443 },
  },
  route: {
    body: (number) => ({ name: `route-${number}`, paths: [`/route-${number}`] }),
    patch: { strip_path: false },
  },
  plugin: {
    body: () => ({ name: "http-log", config: { http_endpoint: "http://127.0.0.1:9/log" } }),
    patch: { config: { timeout: 500 } },
  },
  consumer: {
    body: (number) => ({ username: `consumer-${number}` }),
    patch: { custom_id: "another-system" },
  },
  consumer_group: { body: (number) => ({ name: `group-${number}` }), patch: { tags: ["patched"] } },
  keyauth_credential: { body: (number) => ({ key: `key-number-${number}` }), patch: { ttl: 60 } },
  upstream: { body: (number) => ({ name: `upstream-${number}` }), patch: { slots: 100 } },
  target: { body: (number) => ({ target: `10.0.0.${number}:8080` }), patch: { weight: 7 } },
  certificate: {
    body: () => ({ cert: tlsFile("client.crt"), key: tlsFile("client.key") }),
    patch: { tags: ["patched"] },
  },
  sni: { body: (number) => ({ name: `sni-${number}.example` }), patch: { tags: ["patched"] } },
  ca_certificate: { body: () => ({ cert: tlsFile("ca.crt") }), patch: { tags: ["patched"] } },
  vault: {
    body: (number) => ({ name: "env", prefix: `vault-${number}` }),
    patch: { description: "A note." },
  },
  partial: {
    body: (number) => ({ name: `partial-${number}`, type: "redis-ee", config: {} }),
    patch: { config: { host: "127.0.0.1" } },
  },
};
