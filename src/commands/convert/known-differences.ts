/** What a file that loads here means other than with Kong, and what it gains: facts of both, by what the file uses. */
import type { Path } from "../../config/problem.ts";
import type { Finding } from "./findings.ts";

/** What facts are about: a plugin wherever it stands, a service, or an upstream. */
export interface FoundEntity {
  readonly list: "plugins" | "services" | "upstreams";
  /** "" where it has none. */
  readonly name: string;
  /** Of a plugin its `config`, of the others their own fields. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly path: Path;
}

interface Fact {
  readonly group: "different" | "better";
  readonly message: string;
  readonly see: string;
  /** Is it about this entity? Left out: it is about the gateway as a whole. */
  readonly about?: (entity: FoundEntity) => boolean;
  /** It holds only where no plugin of the file is of these names. */
  readonly without?: string;
}

const named =
  (...names: readonly string[]) =>
  ({ list, name }: FoundEntity) =>
    list === "plugins" && names.includes(name);
const proxies = named("ai-proxy", "ai-proxy-advanced");
const advanced = named("ai-proxy-advanced");
const isSemantic = (plugin: FoundEntity) =>
  advanced(plugin) && at(plugin.settings, "balancer", "algorithm") === "semantic";
const trustsAnybody = ({ list, settings }: FoundEntity) =>
  list === "services" &&
  (settings["protocol"] === "https" || String(settings["url"]).startsWith("https:")) &&
  at(settings, "tls_verify") === undefined;
const has =
  (test: (plugin: FoundEntity) => boolean, ...path: readonly string[]) =>
  (plugin: FoundEntity) =>
    test(plugin) && at(plugin.settings, ...path) !== undefined;

/** In the order they are told. */
const facts: readonly Fact[] = [
  {
    group: "different",
    message:
      "listens on 8000 for clients (for TLS where --proxy-listen-ssl says), on 127.0.0.1:8001 for the admin API (elsewhere only with a token), on 127.0.0.1:8100 for status and metrics; kong.conf is not read",
    see: "operating.md",
  },
  {
    group: "different",
    about: trustsAnybody,
    message:
      "the certificate of the host is checked where tls_verify is left out (`tls_verify: false`: as Kong)",
    see: "upstreams.md",
  },
  {
    group: "different",
    about: ({ list }) => list === "upstreams",
    message:
      "a target whose host name has several addresses is one target; each worker makes its own active checks",
    see: "upstreams.md",
  },
  {
    group: "different",
    about: proxies,
    message:
      "no target is available: 503 where Kong answers 500; a body over the limit: 413 where Kong answers 400",
    see: "differences.md",
  },
  {
    group: "different",
    about: proxies,
    message:
      "`model` of a request may be absent, empty or `auto`, and the gateway chooses; another name narrows the choice to targets of that name or alias",
    see: "differences.md",
  },
  {
    group: "different",
    about: proxies,
    message: "max_tokens of a target is a ceiling: a client can ask for less, never for more",
    see: "differences.md",
  },
  {
    group: "different",
    about: isSemantic,
    message:
      "threshold is the largest distance at which a description matches, 0.7 by default; nothing within it and no CATCHALL is 503, with the nearest distance",
    see: "semantic-routing.md",
  },
  {
    group: "different",
    about: isSemantic,
    message:
      "when a prompt cannot be embedded it goes to CATCHALL, else to the cheapest target (`on_error: fail`: 503)",
    see: "semantic-routing.md",
  },
  {
    group: "different",
    about: has(advanced, "vectordb", "redis", "sentinel_role"),
    message: "sentinel_role is always the master, since vectors are written",
    see: "vector-stores.md",
  },
  {
    group: "different",
    about: (plugin) => advanced(plugin) && Number(at(plugin.settings, "balancer", "max_fails") ?? 0) > 0,
    message: "breakers, usage and requests under way are shared by all workers, in Kong each has its own",
    see: "balancing.md",
  },
  {
    group: "different",
    about: named("key-auth"),
    message:
      "`Authorization: Bearer KEY` is taken as a key too (key_in_bearer: false turns it off), and a client's key is never sent to a vendor",
    see: "consumers.md",
  },
  {
    group: "different",
    about: named("ai-rate-limiting-advanced"),
    message:
      "what a request is expected to use is reserved before the call, so that requests together cannot pass the limit (`reserve: none`: as Kong)",
    see: "budgets.md",
  },
  {
    group: "different",
    about: named("http-log"),
    message: "queue.max_bytes left out is 64 MiB, not without bound; waits between tries vary",
    see: "logging.md",
  },
  {
    group: "different",
    about: named("file-log", "http-log"),
    message:
      "entries have of service and route what tells them apart; secrets are taken out of payloads; the address of a try is the host as configured",
    see: "logging.md",
  },
  {
    group: "different",
    about: named("opentelemetry"),
    message:
      "three kinds of spans: kong, kong.gen_ai and kong.balancer; none for the router, DNS or single plugins",
    see: "tracing.md",
  },
  {
    group: "different",
    without: "prometheus",
    message: "without the plugin prometheus all metrics are counted, with consumers; with it, what it says",
    see: "metrics.md",
  },
  {
    group: "better",
    about: proxies,
    message:
      "tokens and cost are recorded for every request, without log_statistics, by a price table where the file has no prices; `sluice report` says what routing saved",
    see: "money.md",
  },
  {
    group: "better",
    about: proxies,
    message:
      "a stream that the vendor cuts ends in an error, and one that fails before its first content fails over",
    see: "balancing.md",
  },
  {
    group: "better",
    about: isSemantic,
    message:
      "decisions are made from memory: the vector database can be away, or left out (vectordb.strategy: memory), and a model inside the process can embed (embeddings.model.provider: local)",
    see: "semantic-routing.md",
  },
  {
    group: "better",
    about: isSemantic,
    message:
      "X-Sluice-Routing and `sluice explain` tell why a target was chosen, with every distance; targets can have examples beside their description",
    see: "semantic-routing.md",
  },
  {
    group: "better",
    about: advanced,
    message: "targets can have health checks, and Retry-After of a vendor is heeded",
    see: "balancing.md",
  },
  {
    group: "better",
    about: named("ai-rate-limiting-advanced"),
    message:
      "limits in USD are exact over workers and gateways; `on_exceeded: cheapest` shifts before it refuses",
    see: "budgets.md",
  },
];

/** What is known of a file with these entities. Each fact is told once, at the first that it is about. */
export function knownDifferences(
  found: readonly FoundEntity[],
  placeOf: (path: Path) => Pick<Finding, "path" | "line" | "column">,
): readonly Finding[] {
  return facts.flatMap(({ about, group, message, see, without }): readonly Finding[] => {
    if (without !== undefined && found.some(named(without))) return [];
    if (about === undefined) return [{ group, path: "", message, see }];
    const entity = found.find(about);
    return entity === undefined ? [] : [{ group, ...placeOf(entity.path), message, see }];
  });
}

/** Those of a file: plugins at the top and nested, services and upstreams at the top. */
export function entitiesIn(file: unknown): readonly FoundEntity[] {
  const whole = (list: "services" | "upstreams") =>
    blocksIn(isBlock(file) ? file[list] : undefined).map(
      ([fields, index]): FoundEntity => ({
        list,
        name: String(fields["name"] ?? ""),
        settings: fields,
        path: [list, index],
      }),
    );
  return [...whole("services"), ...whole("upstreams"), ...pluginsIn(file, [])];
}

function pluginsIn(value: unknown, path: Path): readonly FoundEntity[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => pluginsIn(item, [...path, index]));
  if (!isBlock(value)) return [];
  return Object.entries(value).flatMap(([field, inner]) => {
    if (field === "config" || field.startsWith("_")) return [];
    const own = field === "plugins" ? blocksIn(inner) : [];
    return [
      ...own.map(([plugin, index]) => read(plugin, [...path, field, index])),
      ...pluginsIn(inner, [...path, field]),
    ];
  });
}

function read({ config, name }: Readonly<Record<string, unknown>>, path: Path): FoundEntity {
  return { list: "plugins", name: String(name ?? ""), settings: isBlock(config) ? config : {}, path };
}

/** The blocks of a list with their places in it. */
function blocksIn(list: unknown): readonly (readonly [Readonly<Record<string, unknown>>, number])[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown, index) => (isBlock(item) ? [[item, index] as const] : []));
}

function at(config: unknown, ...path: readonly string[]): unknown {
  return (
    path.reduce<unknown>((value, step) => (isBlock(value) ? value[step] : undefined), config) ?? undefined
  );
}

function isBlock(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
