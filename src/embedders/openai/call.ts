/** One call of an embeddings endpoint: cut, send, give way where the server cannot follow, read, check. */
import type { EmbedderAuth } from "../embedder.ts";
import { EmbeddingError } from "../embedding-error.ts";
import type { EmbeddingHttpAnswer, EmbeddingTransport } from "../http.ts";
import { type EmbeddingsAnswer, readEmbeddings } from "./answer.ts";
import {
  type Dialect,
  encodeBody,
  encodeHeaders,
  encodeUrl,
  giveWay,
  initialDialect,
  narrow,
  secretsOf,
  truncateUtf8,
} from "./request.ts";
import { retryAfterMs } from "./retry-after.ts";
import { messageIn, vendorMessage } from "./vendor-message.ts";

/** A net below the caller's own deadline, which is shorter. */
const callTimeoutMs = 30_000;

export interface CallerOptions {
  readonly endpoint: URL;
  readonly model: string;
  /** As configured; answers of another length are refused. */
  readonly dimensions: number | undefined;
  readonly auth: EmbedderAuth | undefined;
  readonly post: EmbeddingTransport;
}

/** Takes at least one text, none of them blank. Rejects with an `EmbeddingError` that names model, host and status. */
export type Caller = (texts: readonly string[], signal: AbortSignal) => Promise<EmbeddingsAnswer>;

export function createCaller(options: CallerOptions): Caller {
  const { endpoint, auth } = options;
  const place = `openai/${options.model} at ${endpoint.host}`;
  const url = encodeUrl(endpoint, auth);
  const headers = encodeHeaders(auth);
  const secrets = secretsOf(auth);
  let known = initialDialect(options.model, options.dimensions);

  async function send(
    texts: readonly string[],
    dialect: Dialect,
    signal: AbortSignal,
  ): Promise<EmbeddingHttpAnswer> {
    const body = encodeBody(options, dialect, texts);
    try {
      return await options.post({ url, headers, body, signal, timeoutMs: callTimeoutMs });
    } catch (error) {
      throw error instanceof EmbeddingError
        ? error.at(place)
        : new EmbeddingError("vendor", `${place}: the call failed`, { cause: error, isRetryable: true });
    }
  }

  function read(answer: EmbeddingHttpAnswer, expected: number): EmbeddingsAnswer {
    let embeddings: EmbeddingsAnswer;
    try {
      embeddings = readEmbeddings(answer.body, expected);
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unreadable";
      throw new EmbeddingError("invalid", `${place} answered ${answer.status}, but ${reason}`, {
        cause: error,
        status: answer.status,
        isRetryable: true,
      });
    }
    checkLength(embeddings, options.dimensions, place);
    return embeddings;
  }

  function refusal(answer: EmbeddingHttpAnswer, texts: readonly string[]): EmbeddingError {
    const { status, headers: answerHeaders } = answer;
    const message = vendorMessage(answer.body, { secrets, texts });
    return new EmbeddingError(
      "vendor",
      `${place} answered ${status}${message === "" ? "" : `: ${message}`}`,
      {
        status,
        isRetryable: status === 408 || status === 429 || status >= 500,
        retryAfterMs: retryAfterMs(answerHeaders),
      },
    );
  }

  return async (texts, signal) => {
    let dialect = known;
    for (;;) {
      const { maxTextBytes } = dialect;
      const cut = texts.map((text) => truncateUtf8(text, maxTextBytes));
      const answer = await send(cut, dialect, signal);
      if (answer.status >= 200 && answer.status < 300) {
        const embeddings = read(answer, cut.length);
        // Remembered only once it has worked: a complaint may name a parameter and mean something else.
        known = narrow(known, dialect);
        return embeddings;
      }
      const next = giveWay(dialect, answer.status, messageIn(answer.body));
      if (next === undefined) throw refusal(answer, cut);
      dialect = next;
    }
  };
}

function checkLength(answer: EmbeddingsAnswer, configured: number | undefined, place: string): void {
  const length = answer.vectors[0]?.length;
  if (configured === undefined || length === undefined || length === configured) return;
  throw new EmbeddingError(
    "invalid",
    `${place} answered vectors of ${length} numbers where ${configured} are configured: ` +
      `set vectordb.dimensions to ${length}, or choose a model that can answer ${configured}`,
  );
}
