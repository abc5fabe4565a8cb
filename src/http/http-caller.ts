/** The way to the network of `HttpCall`s: kept connections, one deadline for the whole call, a bound on the answer. */
import { Agent, type Dispatcher, request } from "undici";
import { withDeadline } from "../util/deadline.ts";
import { type Schedule, systemSchedule } from "../util/schedule.ts";
import { type HttpCall, type HttpCallAnswer, HttpCallError, type HttpCallRequest } from "./http-call.ts";

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

/** A connection that the server closed while it was idle fails like this before an answer begins. */
const staleConnection = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

export function createHttpCaller(options: HttpCallerOptions = {}): HttpCaller {
  const { connections = 32, maxAnswerBytes = 32 * 1024 * 1024, schedule = systemSchedule } = options;
  // The deadline of an answer is the call's own; that of connecting stays at 10 s, undici's default, to drop dead attempts.
  const agent = new Agent({ connections, headersTimeout: 0, bodyTimeout: 0 });

  async function head(call: HttpCallRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { method = "POST", url, headers, body = null } = call;
    const send = () => request(url, { method, headers, body, signal, dispatcher: agent });
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
    close: () => agent.destroy(),
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
