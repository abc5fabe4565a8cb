/** The way to the network of `HttpCall`s: kept connections, one deadline for the whole call, a bound on the answer. */
import { Agent, type Dispatcher, request } from "undici";
import { withDeadline } from "../util/deadline.ts";
import { type Schedule, systemSchedule } from "../util/schedule.ts";
import {
  type HttpCall,
  type HttpCallAnswer,
  HttpCallError,
  type HttpCallRequest,
  type HttpConnection,
} from "./http-call.ts";

export interface HttpCallerOptions {
  /** Connections kept to one host; further calls wait, within their deadline. Default 32. */
  readonly connections?: number;
  /** A larger answer is refused. Default 32 MiB. */
  readonly maxAnswerBytes?: number;
  readonly schedule?: Schedule;
}

export interface HttpCaller {
  readonly call: HttpCall;
  /** Ends the calls under way and closes the connections. */
  close(): Promise<void>;
}

/** A server may ask for a longer life of an idle connection than we would give it, but for no longer one than this: undici's default. */
const longestKeepAliveMs = 600_000;

/** A connection that the server closed while it was idle fails like this before an answer begins. */
const staleConnection = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

export function createHttpCaller(options: HttpCallerOptions = {}): HttpCaller {
  const { connections = 32, maxAnswerBytes = 32 * 1024 * 1024, schedule = systemSchedule } = options;
  // The deadline of an answer is the call's own; that of connecting stays at 10 s, undici's default, to drop dead attempts.
  const common = { connections, headersTimeout: 0, bodyTimeout: 0 };
  const agent = new Agent(common);
  /** By how they connect. As many as there are ways in configs since the start. */
  const others = new Map<string, Agent>();

  function agentFor(connection: HttpConnection | undefined): Agent {
    if (connection === undefined) return agent;
    const { idleMs, trustsAnyCertificate } = connection;
    const key = `${trustsAnyCertificate} ${idleMs}`;
    const known = others.get(key);
    if (known !== undefined) return known;
    const made = new Agent({
      ...common,
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: Math.max(idleMs, longestKeepAliveMs),
      connect: { rejectUnauthorized: !trustsAnyCertificate },
    });
    others.set(key, made);
    return made;
  }

  async function head(call: HttpCallRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { method = "POST", url, headers, body = null } = call;
    const dispatcher = agentFor(call.connection);
    const send = () => request(url, { method, headers, body, signal, dispatcher });
    try {
      return await send();
    } catch (error) {
      if (signal.aborted || !staleConnection.has(codeOf(error) ?? "")) throw error;
      return send();
    }
  }

  async function exchange(call: HttpCallRequest, signal: AbortSignal): Promise<HttpCallAnswer> {
    const { statusCode, headers, body } = await head(call, signal);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      // Leaving the loop destroys the stream and its connection.
      if (size > maxAnswerBytes)
        throw new HttpCallError("answer", `the answer exceeds ${maxAnswerBytes} bytes`);
      chunks.push(chunk);
    }
    const encoding = headers["content-encoding"];
    if (encoding !== undefined && encoding !== "identity") {
      throw new HttpCallError(
        "answer",
        `the answer is encoded as ${encoding} although identity was asked for`,
      );
    }
    return { status: statusCode, headers: flatten(headers), body: Buffer.concat(chunks).toString("utf8") };
  }

  return {
    async call(call) {
      try {
        return await withDeadline(
          {
            signal: call.signal,
            timeoutMs: call.timeoutMs,
            schedule,
            timedOut: () => new HttpCallError("timeout", `no answer within ${call.timeoutMs} ms`),
            left: () => new HttpCallError("aborted", "the caller left", { cause: call.signal.reason }),
          },
          (signal) => exchange(call, signal),
        );
      } catch (error) {
        throw error instanceof HttpCallError ? error : unreachable(error);
      }
    },
    async close() {
      await Promise.all([agent, ...others.values()].map((each) => each.destroy()));
    },
  };
}

/** undici's messages and the system's name hosts and codes, never headers or bodies. */
function unreachable(error: unknown): HttpCallError {
  const message = error instanceof Error && error.message !== "" ? error.message : "no reason given";
  const code = codeOf(error);
  const suffix = code === undefined || message.includes(code) ? "" : ` (${code})`;
  return new HttpCallError("connection", `the connection failed: ${message.slice(0, 300)}${suffix}`, {
    cause: error,
  });
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return flat;
}
