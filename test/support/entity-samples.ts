/** A small valid body for each kind of entity. A new kind needs its line here, and is tested like the others then. */

type Fields = Readonly<Record<string, unknown>>;

export interface EntitySample {
  /** Different for each number. What it has to belong to is added by the test. */
  readonly body: (number: number) => Fields;
  /** A field that may be set to this alone. */
  readonly patch: Fields;
}

export const entitySamples: Readonly<Record<string, EntitySample>> = {
  service: {
    body: (number) => ({ name: `service-${number}`, host: "upstream.example" }),
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
  certificate: {
    body: (number) => ({ cert: `certificate ${number}`, key: `its key ${number}` }),
    patch: { cert_alt: "another" },
  },
  sni: { body: (number) => ({ name: `sni-${number}.example` }), patch: { tags: ["patched"] } },
  ca_certificate: {
    body: (number) => ({ cert: `authority ${number}` }),
    patch: { cert_digest: "ab12" },
  },
  vault: {
    body: (number) => ({ name: "env", prefix: `vault-${number}` }),
    patch: { description: "A note." },
  },
  partial: {
    body: (number) => ({ name: `partial-${number}`, type: "redis-ee", config: {} }),
    patch: { config: { host: "127.0.0.1" } },
  },
};
