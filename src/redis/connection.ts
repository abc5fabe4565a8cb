/** One connection to one server. Once lost it stays lost: whoever needs another opens one. */

import { withDeadline } from "../util/deadline.ts";
import type { Schedule } from "../util/schedule.ts";
import { StoreError } from "../util/store-error.ts";
import { ConnectionLost, ErrorAnswer } from "./failures.ts";
import { type Address, addressName, type Credentials, type TlsSettings } from "./settings.ts";

/** A command and its arguments. */
export type Command = readonly (string | Buffer)[];

export interface Connection {
  readonly address: Address;
  /** The reply; rejects with an `ErrorAnswer`, as `ConnectionLost`, or with the signal's reason. */
  send(command: Command, signal: AbortSignal): Promise<unknown>;
  /** All of them or none (MULTI … EXEC); the replies in their order. */
  transaction(commands: readonly Command[], signal: AbortSignal): Promise<readonly unknown[]>;
  isLost(): boolean;
  /** Ends it at once; what waits for a reply is lost, for this reason. */
  drop(reason?: StoreError): void;
}

export interface ConnectionOptions {
  readonly address: Address;
  readonly credentials: Credentials | undefined;
  readonly database: number;
  readonly tls: TlsSettings | undefined;
  readonly connectMs: number;
  readonly exchangeMs: number;
  readonly schedule: Schedule;
}

/**
 * Connects, signs in and selects the database, all within `connectMs`. Rejects with what went wrong, as the library or
 * Node says it. Speaks RESP2, which every server and proxy knows, and without CLIENT SETINFO, which some refuse.
 */
export async function openConnection(options: ConnectionOptions, signal: AbortSignal): Promise<Connection> {
  const { address, schedule, connectMs } = options;
  const { createClient, ErrorReply, RESP_TYPES } = await import("@redis/client");
  const client = createClient({
    RESP: 2,
    // The library must neither wait for a connection nor make another: a lost one ends its calls.
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: "disabled",
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer }, timeout: 0 },
    database: options.database,
    ...options.credentials,
    socket: { ...socketOptions(options), reconnectStrategy: false },
  });
  let isLost = false;
  let hasAnswered = false;
  let dropReason: StoreError | undefined;
  const lose = () => {
    isLost = true;
  };
  // Whatever is wrong rejects the calls that wait; without a listener it would end the process.
  client.on("error", lose).on("end", lose);

  function drop(reason?: StoreError): void {
    dropReason ??= reason;
    lose();
    client.destroy();
  }

  const connecting = client.connect();
  try {
    await withDeadline(
      { signal, schedule, timeoutMs: connectMs, left: () => reasonOf(signal), timedOut: notConnected },
      () => connecting,
    );
  } catch (error) {
    // A connection that comes about after all is closed again: the library lets it live.
    connecting.then(
      () => drop(),
      () => drop(),
    );
    drop();
    throw translate(error);
  }

  function notConnected(): StoreError {
    const doubt = options.tls === undefined ? "" : "; does this port speak TLS (ssl)?";
    return new StoreError(
      "unreachable",
      `no connection to ${addressName(address)} within ${connectMs} ms (connect_timeout)${doubt}`,
    );
  }

  function lost(text: string, cause?: unknown): ConnectionLost {
    return new ConnectionLost(text, { hasAnswered, cause: dropReason ?? cause });
  }

  function translate(error: unknown): unknown {
    if (error instanceof ErrorReply) return new ErrorAnswer(firstOf(error).message, { cause: error });
    if (error instanceof StoreError) return error;
    return isEnd(error) ? lost(textOf(error), error) : error;
  }

  /** A server that does not answer one command may answer it later: nobody may take that for his own answer. */
  function overdue(): StoreError {
    const error = new StoreError(
      "unreachable",
      `${addressName(address)} gave no answer within ${options.exchangeMs} ms (send_timeout + read_timeout)`,
    );
    drop(error);
    return error;
  }

  async function exchange<Reply>(signal: AbortSignal, ask: () => Promise<Reply>): Promise<Reply> {
    if (isLost) throw lost("it was closed before");
    const left = () => reasonOf(signal);
    const limits = { signal, schedule, timeoutMs: options.exchangeMs, left, timedOut: overdue };
    try {
      const reply = await withDeadline(limits, ask);
      hasAnswered = true;
      return reply;
    } catch (error) {
      const known = translate(error);
      if (known instanceof ErrorAnswer) hasAnswered = true;
      if (known instanceof ErrorAnswer || known instanceof StoreError || !isLost) throw known;
      throw lost(textOf(error), error);
    }
  }

  return {
    address,
    isLost: () => isLost,
    drop,
    send: (command, signal) => exchange(signal, () => client.sendCommand([...command])),
    transaction: (commands, signal) =>
      exchange(signal, () => {
        const multi = client.multi();
        for (const command of commands) multi.sendCommand([...command]);
        return multi.exec();
      }),
  };
}

function socketOptions({ address, tls, connectMs }: ConnectionOptions) {
  // The library's own bound is a second net: it closes a socket that we no longer wait for.
  const plain = { host: address.host, port: address.port, connectTimeout: connectMs };
  if (tls === undefined) return plain;
  const servername = tls.serverName === undefined ? {} : { servername: tls.serverName };
  return { ...plain, tls: true as const, rejectUnauthorized: tls.isVerified, ...servername };
}

/** A transaction with errors among its replies is told by the first of them. */
function firstOf(error: Error): Error {
  if (!("replies" in error) || !("errorIndexes" in error)) return error;
  const { replies, errorIndexes } = error;
  if (!Array.isArray(replies) || !Array.isArray(errorIndexes)) return error;
  const first: unknown = replies[Number(errorIndexes[0])];
  return first instanceof Error ? first : error;
}

/** How the library says that a connection is closed. */
function isEnd(error: unknown): boolean {
  return (
    error instanceof Error &&
    /^(SocketClosed|Disconnects|Client(Closed|Offline))/.test(error.constructor.name)
  );
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? `${error.code} ` : "";
  return error.message === "" ? `${code}${error.constructor.name}` : `${code}${error.message}`;
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("aborted", { cause: signal.reason });
}
