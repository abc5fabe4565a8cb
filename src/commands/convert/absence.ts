/** What it means for a gateway that something of its file is left out. */
import type { Entity } from "../../config/entity.ts";

/** Kind of plugin → what happens without one. */
const consequences = {
  access:
    "It decides who gets through. Without it everybody who reaches the route does: close the route another way before you switch.",
  guard: "It looks at what is asked or answered, and refuses some of it. Without it all of that passes.",
  limit: "It bounds what callers use. Without it there is no bound.",
  change: "It changes requests or answers. Without it they pass as they are.",
  answer: "It answers requests or chooses where they go. Without it they go to the service as it is.",
  record: "It records or measures. Requests are served the same without it.",
} as const;

const kinds: { readonly [Kind in keyof typeof consequences]: string } = {
  access: `acl ai-mcp-oauth2 application-registration basic-auth bot-detection header-cert-auth hmac-auth ip-restriction
    jwt jwt-signer key-auth key-auth-enc ldap-auth ldap-auth-advanced mtls-auth oauth2 oauth2-introspection opa
    openid-connect saml session tls-handshake-modifier vault-auth`,
  guard: `ai-aws-guardrails ai-azure-content-safety ai-custom-guardrail ai-gcp-model-armor ai-lakera-guard ai-prompt-guard ai-sanitizer
    ai-semantic-prompt-guard ai-semantic-response-guard injection-protection json-threat-protection oas-validation
    request-size-limiting request-validator service-protection standard-webhooks websocket-size-limit
    websocket-validator xml-threat-protection`,
  limit: `ai-rate-limiting-advanced graphql-rate-limiting-advanced rate-limiting rate-limiting-advanced
    response-ratelimiting`,
  change: `ai-prompt-compressor ai-prompt-decorator ai-prompt-template ai-rag-injector ai-request-transformer
    ai-response-transformer correlation-id cors exit-transformer jq jwe-decrypt request-callout request-transformer request-transformer-advanced response-transformer
    response-transformer-advanced tls-metadata-headers upstream-oauth`,
  answer: `ai-a2a-proxy ai-mcp-proxy ai-proxy ai-proxy-advanced ai-semantic-cache aws-lambda azure-functions canary
    confluent confluent-consume datakit degraphql forward-proxy graphql-proxy-cache-advanced grpc-gateway grpc-web
    kafka-consume kafka-upstream mocking proxy-cache proxy-cache-advanced redirect request-termination
    route-by-header route-transformer-advanced solace-consume solace-upstream upstream-timeout`,
  record: `ai-llm-as-judge app-dynamics datadog file-log http-log kafka-log loggly metering-and-billing opentelemetry
    prometheus solace-log statsd statsd-advanced syslog tcp-log udp-log zipkin`,
};

const kindOf: ReadonlyMap<string, keyof typeof consequences> = new Map(
  (Object.keys(kinds) as (keyof typeof consequences)[]).flatMap((kind) =>
    kinds[kind].split(/\s+/).map((name) => [name, kind] as const),
  ),
);

/**
 * A sentence or two; undefined where the reason says it all. A plugin of your own may be anything, and so may Lua in
 * `pre-function` and `post-function`.
 */
export function consequenceOf(entity: Entity | undefined, value: unknown): string | undefined {
  if (entity === undefined || typeof value !== "object" || value === null) return undefined;
  if (entity.name === "plugin") {
    if ("enabled" in value && value.enabled === false) return "It was switched off: nothing changes.";
    const kind = kindOf.get(String("name" in value ? value.name : ""));
    return kind === undefined
      ? "What it did is not done here. Where it kept something from happening, that happens."
      : consequences[kind];
  }
  const nested = Object.keys(entity.children ?? {}).flatMap((field) => {
    const list = (value as Record<string, unknown>)[field]; // just seen to be a block
    return Array.isArray(list) && list.length > 0 ? [`${field} (${list.length})`] : [];
  });
  return nested.length === 0 ? undefined : `With it go its ${nested.join(" and ")}.`;
}
