/** The attempts of one request on the targets of an upstream. */
import type { BalanceRequest, Outcome } from "../balancer/balancer.ts";
import type { Attempts, Lease, TargetPool } from "../balancer/pool.ts";
import type { Exchange } from "../http/exchange.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import type { HostAttempt, HostAttempts } from "../proxy/service-hosts.ts";
import type { RouteMatch } from "../router/router.ts";
import { cookieValue, sessionCookie } from "./cookie.ts";
import type { HashKey } from "./hash-key.ts";
import type { HostTarget } from "./host-target.ts";

/** What the attempts of all requests share. */
export interface Selection {
  readonly pool: TargetPool<HostTarget>;
  /** Those that are used while there are any. */
  readonly regular: readonly HostTarget[];
  readonly failover: readonly HostTarget[];
  readonly hostHeader: string | undefined;
  readonly hashKey: (exchange: Exchange, match: RouteMatch) => HashKey;
  /** The cookie that names a client's target. */
  readonly sticky: { readonly name: string; readonly path: string } | undefined;
  /** Enough of the targets are in use for the upstream to be used at all. */
  readonly hasEnough: () => boolean;
}

/** Each target is tried once, failover targets last; then all of them again, for as long as the service retries. */
export class UpstreamAttempts implements HostAttempts {
  readonly #selection: Selection;
  readonly #request: HostRequest;
  readonly #hash: HashKey;
  /** What the client's cookie says. */
  readonly #wanted: HostTarget | undefined;
  #regular: Attempts<HostTarget>;
  #failover: Attempts<HostTarget>;

  constructor(selection: Selection, exchange: Exchange, match: RouteMatch) {
    this.#selection = selection;
    this.#hash = selection.hashKey(exchange, match);
    this.#request = new HostRequest(exchange, this.#hash.key);
    this.#wanted = wantedBy(exchange, selection);
    this.#regular = this.#open(selection.regular);
    this.#failover = this.#open(selection.failover);
  }

  next(): HostAttempt | undefined {
    if (!this.#selection.hasEnough()) return undefined;
    const lease = this.#nextUntried() ?? this.#nextAgain();
    return lease === undefined ? undefined : this.#attemptOn(lease);
  }

  get retryInMs(): number | undefined {
    const waits = [this.#regular.retryInMs, this.#failover.retryInMs].filter((wait) => wait !== undefined);
    const shortest = Math.min(...waits);
    // 0: only an active check could bring one back, and none will.
    return shortest > 0 && Number.isFinite(shortest) ? shortest : undefined;
  }

  #nextUntried(): Lease<HostTarget> | undefined {
    const wanted = this.#wanted;
    const isFailover = wanted?.failover === true;
    return (
      this.#regular.next(isFailover ? undefined : wanted) ??
      this.#failover.next(isFailover ? wanted : undefined)
    );
  }

  #nextAgain(): Lease<HostTarget> | undefined {
    this.#regular = this.#open(this.#selection.regular);
    this.#failover = this.#open(this.#selection.failover);
    return this.#nextUntried();
  }

  #open(targets: readonly HostTarget[]): Attempts<HostTarget> {
    return this.#selection.pool.open(targets, this.#request);
  }

  #attemptOn(lease: Lease<HostTarget>): HostAttempt {
    const { address } = lease.target;
    return {
      host: address.host,
      port: address.port,
      hostHeader: this.#selection.hostHeader,
      setCookie: this.#cookieFor(lease.target),
      end: (outcome: Outcome) => lease.end(outcome),
    };
  }

  #cookieFor(target: HostTarget): string | undefined {
    const { sticky } = this.#selection;
    if (sticky === undefined || target === this.#wanted) return this.#hash.setCookie;
    return sessionCookie(sticky.name, target.id, sticky.path);
  }
}

function wantedBy({ request }: Exchange, { failover, regular, sticky }: Selection): HostTarget | undefined {
  if (sticky === undefined) return undefined;
  const id = cookieValue(request.headers["cookie"], sticky.name);
  return id === undefined ? undefined : [...regular, ...failover].find((target) => target.id === id);
}

/** A class, since a signal of an exchange is only made where somebody asks for it. */
class HostRequest implements BalanceRequest {
  readonly hashKey: string;
  readonly #exchange: Exchange;
  decision: RoutingDecision | undefined = undefined;

  constructor(exchange: Exchange, hashKey: string) {
    this.#exchange = exchange;
    this.hashKey = hashKey;
  }

  get signal(): AbortSignal {
    return this.#exchange.signal;
  }

  readonly prompts = () => [];

  readonly header = (name: string): string | undefined => {
    const value = this.#exchange.request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  };
}
