/** The engine around an algorithm: who may be picked, what is counted, and what outlives a reload. */
import type { BalanceRequest, Balancer, Outcome, Spent, Target, TrialRequest } from "./balancer.ts";
import {
  createTargetHealth,
  type TargetHealth,
  type TargetHealthOptions,
  type TargetHealthServices,
} from "./target-health.ts";

/** A target as `/status`, metrics and `explain` show it. */
export interface TargetStatus {
  readonly index: number;
  readonly name: string;
  readonly weight: number;
  /** closed: in use · open: left out · half-open: one request is let through to try · off: `max_fails` is 0. */
  readonly breaker: "off" | "closed" | "open" | "half-open";
  /** Failures that count towards `max_fails`. */
  readonly failures: number;
  /** Until when it is left out (open, or asked to be left alone), in milliseconds from now; 0: it is not. */
  readonly retryInMs: number;
  /** What the active health check last found; undefined without one. */
  readonly healthy: boolean | undefined;
  /** Attempts under way, streams that have not ended included. */
  readonly inFlight: number;
  /** Attempts ended, and those of them that failed. */
  readonly attempts: number;
  readonly failed: number;
  /** What the algorithm holds of it. */
  readonly scores: Readonly<Record<string, number>>;
}

/** One attempt that has begun. */
export interface Lease<Member extends Target> {
  readonly target: Member;
  /**
   * To be called once, when the last byte has come or the attempt has failed; later calls do nothing. Where tokens are
   * still being counted the algorithm learns of it then; the breaker does not wait.
   */
  end(outcome: Outcome, counting?: Promise<Spent>): void;
}

/** The attempts of one request. */
export interface Attempts<Member extends Target> {
  /**
   * Begins the next attempt: a target that is available and was not tried for this request. Undefined when none is
   * left or fits; `request.decision` and `retryInMs` then say why. A target that was asked to be left alone for a while
   * is only picked where nothing else is left. `wanted` is taken whatever the algorithm says, if it is available.
   */
  next(wanted?: Member): Lease<Member> | undefined;
  /** Milliseconds until the first of the candidates may be tried again; undefined when none is merely left out. */
  readonly retryInMs: number | undefined;
}

/** What the first attempt of a request would be. */
export interface Preview<Member extends Target> {
  /** Undefined when none is available or fits; `request.decision` and `retryInMs` then say why. */
  readonly target: Member | undefined;
  /** As in `Attempts`. */
  readonly retryInMs: number | undefined;
}

export interface TargetPool<Member extends Target> {
  readonly balancer: Balancer;
  open(candidates: readonly Member[], request: BalanceRequest): Attempts<Member>;
  /** Chooses as for a request that comes now, and begins nothing. */
  preview(candidates: readonly Member[], request: TrialRequest): Preview<Member>;
  status(): readonly TargetStatus[];
  /** Lets go of what is remembered of the targets; attempts under way may still end. */
  close(): void;
}

/** `max_fails`, `fail_timeout`, the statuses listed in `failover_criteria`, and the health checks. */
export type TargetPoolOptions = TargetHealthOptions;

/** What a pool may use of the world; `memory` is for the use "health". Tests pass fakes. */
export interface TargetPoolServices extends TargetHealthServices {
  /** Called once, by `close`: gives up the hold on what is remembered of the targets. */
  readonly letGo?: () => void;
}

/**
 * A pool of all targets of a plugin; their `index` is their place in it. The balancer stays the caller's, who starts and
 * closes it. Health checks begin at once and end with the pool.
 */
export function createTargetPool<Member extends Target>(
  balancer: Balancer,
  targets: readonly Member[],
  options: TargetPoolOptions,
  services: TargetPoolServices,
): TargetPool<Member> {
  const createHealth = (target: Member) => createTargetHealth(target, options, services);
  return createPool(balancer, targets, createHealth, services);
}

/** The same where somebody else knows how the targets are. `createHealth` is called once for each. */
export function createPool<Member extends Target>(
  balancer: Balancer,
  targets: readonly Member[],
  createHealth: (target: Member) => TargetHealth,
  services: Pick<TargetPoolServices, "now" | "letGo">,
): TargetPool<Member> {
  const healths: TargetHealth[] = [];
  for (const target of targets) healths[target.index] = createHealth(target);
  const healthOf = (target: Target): TargetHealth => {
    const health = healths[target.index];
    if (health === undefined) throw new Error(`target ${target.index} (${target.name}) is not in this pool`);
    return health;
  };
  const core: Core = { balancer, healthOf, now: services.now };
  let isClosed = false;

  return {
    balancer,
    open: (candidates, request) => new RequestAttempts(core, candidates, request),
    preview(candidates, request) {
      const attempts = new RequestAttempts(core, candidates, request);
      return { target: attempts.choose(), retryInMs: attempts.retryInMs };
    },
    status: () => targets.map((target) => statusOf(target, core)),
    close() {
      if (isClosed) return;
      isClosed = true;
      for (const target of targets) healthOf(target).close();
      services.letGo?.();
    },
  };
}

/** What the attempts of all requests share. */
interface Core {
  readonly balancer: Balancer;
  readonly healthOf: (target: Target) => TargetHealth;
  readonly now: () => number;
}

const isReady = (health: TargetHealth, time: number) => health.isReady(time);
const isAvailable = (health: TargetHealth, time: number) => health.isAvailable(time);

/** A class, because closures with a getter cost more than all else here: measured, 1.0 µs an attempt in place of 0.25. */
class RequestAttempts<Member extends Target> implements Attempts<Member> {
  readonly #core: Core;
  readonly #candidates: readonly Member[];
  readonly #request: BalanceRequest;
  /** Most requests need one attempt: only the second makes the set. */
  #first: Member | undefined;
  #tried: Set<Member> | undefined;

  constructor(core: Core, candidates: readonly Member[], request: BalanceRequest) {
    this.#core = core;
    this.#candidates = candidates;
    this.#request = request;
  }

  next(wanted?: Member): Lease<Member> | undefined {
    const target = wanted !== undefined && this.#isFree(wanted) ? wanted : this.choose();
    if (target === undefined) return undefined;
    if (this.#first === undefined) this.#first = target;
    else {
      this.#tried ??= new Set();
      this.#tried.add(target);
    }
    return begin(this.#core, target, this.#request);
  }

  get retryInMs(): number | undefined {
    const { now, healthOf } = this.#core;
    const time = now();
    let shortest: number | undefined;
    for (const target of this.#candidates) {
      const health = healthOf(target);
      if (this.#isTried(target) || health.isAvailable(time)) continue;
      shortest = Math.min(shortest ?? Number.POSITIVE_INFINITY, health.waitMs);
    }
    return shortest;
  }

  /** The target that is next, as long as no attempt on it has begun. */
  choose(): Member | undefined {
    const request = this.#request;
    const time = this.#core.now();
    const preferred = this.#untried(isReady, time);
    const { decision } = request;
    const picked = this.#pick(preferred);
    if (picked !== undefined) return picked;
    const all = this.#untried(isAvailable, time);
    if (all.length === preferred.length) return undefined;
    request.decision = decision; // what the algorithm said of the first choice does not hold for this one
    return this.#pick(all);
  }

  #pick(candidates: readonly Member[]): Member | undefined {
    if (candidates.length === 0) return undefined;
    return this.#core.balancer.pick(candidates, this.#request) as Member | undefined; // it picks among what it is given
  }

  /** The untried candidates of which this holds: the list itself, not a copy, where these are all. */
  #untried(holds: (health: TargetHealth, time: number) => boolean, time: number): readonly Member[] {
    const candidates = this.#candidates;
    let kept: Member[] | undefined;
    let count = 0;
    for (const target of candidates) {
      const isKept = holds(this.#core.healthOf(target), time) && !this.#isTried(target);
      if (!isKept) kept ??= candidates.slice(0, count);
      else if (kept === undefined) count++;
      else kept.push(target);
    }
    return kept ?? candidates;
  }

  #isFree(target: Member): boolean {
    return !this.#isTried(target) && isReady(this.#core.healthOf(target), this.#core.now());
  }

  #isTried(target: Member): boolean {
    return target === this.#first || this.#tried?.has(target) === true;
  }
}

function begin<Member extends Target>(core: Core, target: Member, request: BalanceRequest): Lease<Member> {
  const { balancer, healthOf } = core;
  const health = healthOf(target);
  balancer.started?.(target, request);
  const ticket = health.begin();
  let isOver = false;
  return {
    target,
    end(outcome, counting) {
      if (isOver) return;
      isOver = true;
      health.end(ticket, outcome);
      const learn = (whole: Outcome) => balancer.observe?.(target, whole);
      if (counting === undefined) learn(outcome);
      else
        void counting.then(
          (spent) => learn({ ...outcome, ...spent }),
          () => learn(outcome),
        );
    },
  };
}

function statusOf(target: Target, { balancer, healthOf }: Core): TargetStatus {
  const { breaker, healthy, inFlight, attempts, failed, coolForMs } = healthOf(target);
  return {
    index: target.index,
    name: target.name,
    weight: target.weight,
    breaker: breaker.state,
    failures: breaker.failures,
    retryInMs: Math.max(breaker.retryInMs, coolForMs),
    healthy,
    inFlight,
    attempts,
    failed,
    scores: balancer.describeTarget?.(target) ?? {},
  };
}
