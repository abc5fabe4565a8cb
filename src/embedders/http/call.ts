/** One call of an embeddings API: send, give way where the vendor cannot follow, read, check. */
import type { HttpCall, HttpCallAnswer } from "../../http/http-call.ts";
import { EmbeddingError } from "../embedding-error.ts";
import { splitIntoCalls } from "./cut.ts";
import type { EmbeddingsAnswer, EmbeddingsDialect, EmbeddingsRequest } from "./dialect.ts";
import { fromThrown, placeOf, readRefusal, refused, unusable } from "./failures.ts";
import { formsOf } from "./request.ts";
import { usableVectors } from "./vectors.ts";

/** A net below the caller's own deadline, which is shorter. */
const callTimeoutMs = 30_000;

/** A net below the promise of `giveWay` to come to an end. */
const mostGivingWay = 16;

/** A dialect, and how often way was given to arrive at it. */
interface Known {
  readonly dialect: EmbeddingsDialect;
  readonly steps: number;
}

export interface Caller {
  /** The calls that `texts` take, by the bounds that are known now. */
  split(texts: readonly string[]): readonly (readonly string[])[];
  /**
   * One part of a split: unit vectors of one length, one for each text. Rejects with an `EmbeddingError` that names
   * model, host and status.
   */
  embed(texts: readonly string[], signal: AbortSignal): Promise<EmbeddingsAnswer>;
}

export function createCaller(first: EmbeddingsDialect, call: HttpCall): Caller {
  const place = placeOf(first);
  let known: Known = { dialect: first, steps: 0 };

  async function send(
    dialect: EmbeddingsDialect,
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly answer: HttpCallAnswer; readonly secrets: readonly string[] }> {
    const plain = dialect.encode(texts);
    try {
      const request = (await dialect.authorize?.(plain, signal)) ?? plain;
      const { url, headers, body } = request;
      const answer = await call({ url, headers, body, signal, timeoutMs: callTimeoutMs });
      return { answer, secrets: [...dialect.secrets, ...addedValues(plain, request)] };
    } catch (error) {
      throw fromThrown(error, signal).at(place);
    }
  }

  function read(dialect: EmbeddingsDialect, answer: HttpCallAnswer, expected: number): EmbeddingsAnswer {
    try {
      const { vectors, inputTokens } = dialect.decode(answer, expected);
      return { vectors: usableVectors(vectors, expected), inputTokens };
    } catch (error) {
      throw unusable(place, answer.status, error);
    }
  }

  async function attempt(
    { dialect, steps }: Known,
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<EmbeddingsAnswer> {
    const { answer, secrets } = await send(dialect, texts, signal);
    if (answer.status >= 200 && answer.status < 300) {
      const embeddings = read(dialect, answer, texts.length);
      checkLength(embeddings, dialect.dimensions, place);
      // Remembered only once it has worked: a complaint may name a parameter and mean something else. Of two calls
      // that learn at the same time the one that gave way more often is believed; the other's lesson is learnt again.
      if (steps > known.steps) known = { dialect, steps };
      return embeddings;
    }
    const refusal = readRefusal(dialect, answer);
    const next = steps < mostGivingWay ? dialect.giveWay?.(answer.status, refusal.message) : undefined;
    if (next === undefined) throw refused(place, answer.status, refusal, { secrets, texts });
    return attemptAll({ dialect: next, steps: steps + 1 }, texts, signal);
  }

  /** One after the other: after giving way a call may take fewer texts than before. */
  async function attemptAll(
    from: Known,
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<EmbeddingsAnswer> {
    const answers: EmbeddingsAnswer[] = [];
    for (const part of splitIntoCalls(texts, from.dialect)) answers.push(await attempt(from, part, signal));
    return joinAnswers(answers);
  }

  return {
    split: (texts) => splitIntoCalls(texts, known.dialect),
    embed: (texts, signal) => attemptAll(known, texts, signal),
  };
}

/** In order; tokens are those that were reported. */
export function joinAnswers(answers: readonly EmbeddingsAnswer[]): EmbeddingsAnswer {
  const tokens = answers.map(({ inputTokens }) => inputTokens).filter((count) => count !== undefined);
  return {
    vectors: answers.flatMap(({ vectors }) => vectors),
    inputTokens: tokens.length === 0 ? undefined : tokens.reduce((sum, count) => sum + count),
  };
}

/** Header values that signing in has added: tokens and signatures. */
function addedValues(plain: EmbeddingsRequest, authorized: EmbeddingsRequest): readonly string[] {
  return Object.entries(authorized.headers)
    .filter(([name, value]) => plain.headers[name] !== value && /auth|token|key/.test(name))
    .flatMap(([, value]) => formsOf(value));
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
