/** The embedders' way to the network: kept connections, one deadline for the whole call, a bound on the answer. */
import { Agent, type Dispatcher, request } from "undici";
import { EmbeddingError } from "./embedding-error.ts";
import { withDeadline } from "./engine/deadline.ts";
import { type Schedule, systemSchedule } from "./engine/schedule.ts";
import type { EmbeddingHttpAnswer, EmbeddingHttpRequest, EmbeddingTransport } from "./http.ts";

export interface EmbeddingTransportOptions {
  /** Connections kept to one host; further calls wait, within their deadline. Default 32. */
  readonly connections?: number;
  /** A larger answer is refused. Default 32 MiB. */
  readonly maxAnswerBytes?: number;
  readonly schedule?: Schedule;
}

export interface OwnedTransport {
  readonly post: EmbeddingTransport;
  /** Ends the calls under way and closes the connections. */
  close(): Promise<void>;
}

/** A connection that the server closed while it was idle fails like this before an answer begins. */
const staleConnection = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

export function createEmbeddingTransport(options: EmbeddingTransportOptions = {}): OwnedTransport {
  const { connections = 32, maxAnswerBytes = 32 * 1024 * 1024, schedule = systemSchedule } = options;
  // The deadline of an answer is the call's own; that of connecting stays at 10 s, undici's default, to drop dead attempts.
  const agent = new Agent({ connections, headersTimeout: 0, bodyTimeout: 0 });

  async function head(call: EmbeddingHttpRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { url, headers, body } = call;
    const send = () => request(url, { method: "POST", headers, body, signal, dispatcher: agent });
    try {
      return await send();
    } catch (error) {
      // Embedding changes nothing at the vendor's, so that sending it twice is safe.
      if (signal.aborted || !staleConnection.has(codeOf(error) ?? "")) throw error;
      return send();
    }
  }

  async function exchange(call: EmbeddingHttpRequest, signal: AbortSignal): Promise<EmbeddingHttpAnswer> {
    const { statusCode, headers, body } = await head(call, signal);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      // Leaving the loop destroys the stream and its connection.
      if (size > maxAnswerBytes)
        throw new EmbeddingError("invalid", `the answer exceeds ${maxAnswerBytes} bytes`);
      chunks.push(chunk);
    }
    const encoding = headers["content-encoding"];
    if (encoding !== undefined && encoding !== "identity") {
      throw new EmbeddingError(
        "invalid",
        `the answer is encoded as ${encoding} although identity was asked for`,
      );
    }
    return { status: statusCode, headers: flatten(headers), body: Buffer.concat(chunks).toString("utf8") };
  }

  return {
    async post(call) {
      try {
        return await withDeadline(
          {
            signal: call.signal,
            timeoutMs: call.timeoutMs,
            schedule,
            timedOut: () =>
              new EmbeddingError("timeout", `no answer within ${call.timeoutMs} ms`, { isRetryable: true }),
            left: () => new EmbeddingError("aborted", "the caller left", { cause: call.signal.reason }),
          },
          (signal) => exchange(call, signal),
        );
      } catch (error) {
        throw error instanceof EmbeddingError ? error : unreachable(error);
      }
    },
    close: () => agent.destroy(),
  };
}

/** undici's messages and the system's name hosts and codes, never headers or bodies. */
function unreachable(error: unknown): EmbeddingError {
  const message = error instanceof Error && error.message !== "" ? error.message : "no reason given";
  const code = codeOf(error);
  const suffix = code === undefined || message.includes(code) ? "" : ` (${code})`;
  return new EmbeddingError("vendor", `the connection failed: ${message.slice(0, 300)}${suffix}`, {
    cause: error,
    isRetryable: true,
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
