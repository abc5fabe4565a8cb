/** Our way to a Redis server: connects on first use, again after a loss, and bounds every call. */

import { pause, untilAborted, withDeadline } from "../util/deadline.ts";
import type { Schedule } from "../util/schedule.ts";
import { callerLeft, StoreError, storeClosed } from "../util/store-error.ts";
import type { Connection } from "./connection.ts";
import { ConnectionLost, isMoving, isReadOnly, redirectionOf, toStoreError } from "./failures.ts";
import { createLocator } from "./locate.ts";
import { type Address, addressName, type RedisSettings } from "./settings.ts";

/** What a call has while it lasts. */
export interface Call {
  readonly connection: Connection;
  /** Aborted when the caller leaves, the store is closed, or the time is up. */
  readonly signal: AbortSignal;
  /** Names what is being waited for, for the message should the time run out. */
  waitFor(what: string): void;
}

export interface Link {
  /**
   * Runs `work` with a connection, all within the settings' `callMs`. It must be safe to run twice: it starts anew
   * when the connection is lost or a cluster sends it elsewhere. Rejects with a `StoreError`.
   */
  call<Value>(signal: AbortSignal, work: (call: Call) => Promise<Value>): Promise<Value>;
  /** Ends the connection and all calls under way. */
  close(): void;
}

export function createLink(settings: RedisSettings, schedule: Schedule): Link {
  return new RedisLink(settings, schedule);
}

interface Setbacks {
  redirections: number;
  losses: number;
}

/** Moving a slot with few keys takes milliseconds. */
const movePauseMs = 50;

class RedisLink implements Link {
  readonly #settings: RedisSettings;
  readonly #schedule: Schedule;
  readonly #locator: ReturnType<typeof createLocator>;
  readonly #calls = new Set<AbortController>();
  readonly #closing = new AbortController();
  #connection: Connection | undefined;
  #connecting: Promise<Connection> | undefined;

  constructor(settings: RedisSettings, schedule: Schedule) {
    this.#settings = settings;
    this.#schedule = schedule;
    this.#locator = createLocator(settings, schedule);
  }

  async call<Value>(signal: AbortSignal, work: (call: Call) => Promise<Value>): Promise<Value> {
    const { place, keyPrefix, maxCalls, callMs } = this.#settings;
    if (this.#closing.signal.aborted) throw storeClosed(place);
    if (signal.aborted) throw callerLeft(place);
    if (this.#calls.size >= maxCalls) throw this.#tooMany();
    const end = new AbortController();
    const leave = () => end.abort(callerLeft(place));
    signal.addEventListener("abort", leave, { once: true });
    this.#calls.add(end);
    let waitedFor = "";
    const limits = {
      signal: end.signal,
      schedule: this.#schedule,
      timeoutMs: callMs,
      left: () => end.signal.reason,
      timedOut: () => this.#overdue(waitedFor),
    };
    const waitFor = (what: string) => {
      waitedFor = what;
    };
    try {
      return await withDeadline(limits, (signal) => this.#attempts({ signal, waitFor }, work));
    } catch (error) {
      throw toStoreError(error, { place, keyPrefix, secrets: this.#secrets() });
    } finally {
      signal.removeEventListener("abort", leave);
      this.#calls.delete(end);
    }
  }

  close(): void {
    const reason = storeClosed(this.#settings.place);
    this.#closing.abort(reason);
    for (const call of this.#calls) call.abort(reason);
    this.#connection?.drop();
    this.#connection = undefined;
  }

  async #attempts<Value>(
    call: Omit<Call, "connection">,
    work: (call: Call) => Promise<Value>,
  ): Promise<Value> {
    const setbacks = { redirections: 0, losses: 0 };
    for (;;) {
      const connection = await this.#connected(call.signal);
      try {
        return await work({ ...call, connection });
      } catch (error) {
        if (call.signal.aborted) throw call.signal.reason;
        await this.#prepareAnother(error, connection, call, setbacks);
      }
    }
  }

  /** Throws unless another attempt may do better. */
  async #prepareAnother(
    error: unknown,
    connection: Connection,
    call: Omit<Call, "connection">,
    setbacks: Setbacks,
  ): Promise<void> {
    const isCluster = this.#settings.route.kind === "cluster";
    if (isCluster && isMoving(error)) {
      call.waitFor("a slot of the cluster to arrive at its new node");
      return pause(movePauseMs, call.signal, this.#schedule);
    }
    const owner = isCluster ? redirectionOf(error, connection.address) : undefined;
    if (owner !== undefined) this.#move(owner, ++setbacks.redirections);
    else if (!isStale(error) || ++setbacks.losses > 1) throw error;
    this.#forget(connection);
  }

  /** Callers share one attempt to connect; whoever leaves does not end it for the others. */
  async #connected(signal: AbortSignal): Promise<Connection> {
    if (this.#connection !== undefined && !this.#connection.isLost()) return this.#connection;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return untilAborted(this.#connecting, signal);
  }

  async #connect(): Promise<Connection> {
    const connection = await this.#locator.connect(this.#closing.signal);
    if (this.#closing.signal.aborted) {
      connection.drop();
      throw this.#closing.signal.reason;
    }
    this.#connection = connection;
    return connection;
  }

  #forget(connection: Connection, reason?: StoreError): void {
    connection.drop(reason);
    if (this.#connection === connection) this.#connection = undefined;
  }

  #move(address: Address, count: number): void {
    const { route, place } = this.#settings;
    if (route.kind === "cluster" && count > route.maxRedirections) {
      throw new StoreError(
        "unreachable",
        `${place} redirected a command more than ${route.maxRedirections} times (cluster_max_redirections), ` +
          `last to ${addressName(address)}`,
      );
    }
    this.#locator.owner(address);
  }

  /** Unless something is known to be waited for, the connection is taken for dead: others would wait for nothing. */
  #overdue(waitedFor: string): StoreError {
    const { place, callMs } = this.#settings;
    const what = waitedFor === "" ? "" : `, while waiting for ${waitedFor}`;
    const error = new StoreError(
      "unreachable",
      `${place} was not done within ${callMs} ms (connect_timeout + send_timeout + read_timeout)${what}`,
    );
    if (waitedFor === "" && this.#connection !== undefined) this.#forget(this.#connection, error);
    return error;
  }

  #tooMany(): StoreError {
    const { place, maxCalls } = this.#settings;
    return new StoreError(
      "unreachable",
      `${place} already has ${maxCalls} calls under way (keepalive_pool_size + keepalive_backlog)`,
    );
  }

  #secrets(): readonly string[] {
    const { credentials, route } = this.#settings;
    const sentinel = route.kind === "sentinel" ? route.credentials?.password : undefined;
    return [credentials?.password ?? "", sentinel ?? ""];
  }
}

/** Another connection may serve: this one is gone, or its server has become a replica. */
function isStale(error: unknown): boolean {
  return error instanceof ConnectionLost || isReadOnly(error);
}
