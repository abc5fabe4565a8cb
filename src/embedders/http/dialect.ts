/** Contract of what differs between vendors' embeddings APIs; the engine is `http-embedder.ts`. */
import type { HttpCallAnswer } from "../../http/http-call.ts";

/** One HTTP call that asks for embeddings. */
export interface EmbeddingsRequest {
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a vendor answered, not yet looked at closer. */
export interface EmbeddingsAnswer {
  /** One for each text, in the order of the texts; the engine refuses empty, zero and non-finite ones, and scales. */
  readonly vectors: readonly Float32Array[];
  /** Tokens charged for; undefined where the vendor does not say. */
  readonly inputTokens: number | undefined;
}

/** What a refusal says in places of the vendor's own. What is left out is read where most vendors have it. */
export interface EmbeddingsRefusal {
  /** The vendor's words. The engine shortens them and takes credentials and texts out. */
  readonly message?: string | undefined;
  /** Default: true for 408, 429 and 5xx. */
  readonly isRetryable?: boolean | undefined;
  /** Default: the header `retry-after`. */
  readonly retryAfterMs?: number | undefined;
}

/** A vendor's embeddings API: what is sent, how the answer is read, and its bounds. Pure but for who we are. */
export interface EmbeddingsDialect {
  readonly provider: string;
  readonly model: string;
  /** Identity of the vector space (`Embedder.space`). Readable in logs: a credential in it is hashed. */
  readonly space: string;
  /** Host, for messages. */
  readonly host: string;
  /** What the config asks for; answers of another length are refused. Undefined: the model's own length. */
  readonly dimensions: number | undefined;
  /** The model's own length where it is known before the first answer. */
  readonly nativeDimensions?: number | undefined;
  /** Texts that one call takes; 1 where the vendor takes no list. */
  readonly textsPerCall: number;
  /** Bytes of UTF-8 that one call takes. */
  readonly bytesPerCall: number;
  /**
   * A longer text is cut to this many bytes of UTF-8, at least 4. A token never has less than one byte, so that the
   * model's token limit is a safe choice.
   */
  readonly bytesPerText: number;
  /** Values that must not show in messages: credentials in all their forms. */
  readonly secrets: readonly string[];
  /** Texts come trimmed, not blank, and cut. At least one, at most `textsPerCall`. */
  encode(texts: readonly string[]): EmbeddingsRequest;
  /**
   * Adds what proves who we are: a token that has to be fetched, a signature. Last step before sending. Rejects with
   * an `IdentityError`. Header values it adds never show in messages.
   */
  authorize?(request: EmbeddingsRequest, signal: AbortSignal): Promise<EmbeddingsRequest>;
  /**
   * Reads a 2xx answer to `expected` texts. Throws an `Error` that says what is wrong with it, without quoting it. The
   * engine counts the vectors.
   */
  decode(answer: HttpCallAnswer, expected: number): EmbeddingsAnswer;
  /**
   * Reads an answer that is not 2xx, where a vendor has a way of its own to refuse. What `authorize` has added and the
   * vendor does not take any more is forgotten here. Must not throw.
   */
  readRefusal?(answer: HttpCallAnswer): EmbeddingsRefusal;
  /**
   * After a refusal: a dialect that asks for less (no `dimensions`, shorter texts, fewer in a call …) and may be
   * understood, or undefined when giving way cannot help. Comes to an end however often it is applied. What has
   * worked once is used from then on.
   */
  giveWay?(status: number, message: string): EmbeddingsDialect | undefined;
}
