import { describe, expect, it } from "vitest";
import { settled } from "../../test/support/fake-clock.ts";
import { failure, servicesOf } from "../../test/support/fake-embeddings-vendor.ts";
import { IdentityError } from "../cloud-identity/token-source.ts";
import {
  type HttpCall,
  type HttpCallAnswer,
  HttpCallError,
  type HttpCallRequest,
} from "../http/http-call.ts";
import { createHttpEmbedder, type EmbeddingsDialect, maxConcurrentCalls } from "./http-embedder.ts";

const { signal } = new AbortController();

/** A vendor of one text a call: the vector is the text's length and 1. */
const plain: EmbeddingsDialect = {
  provider: "vendor",
  model: "model",
  space: "vendor:model",
  host: "vendor.test",
  dimensions: 2,
  textsPerCall: 1,
  bytesPerCall: 1000,
  bytesPerText: 100,
  secrets: ["hush"],
  encode: (texts) => ({ url: "http://vendor.test/", headers: {}, body: JSON.stringify(texts) }),
  decode: ({ body }) => ({
    vectors: (JSON.parse(body) as number[][]).map((numbers) => Float32Array.from(numbers)),
    inputTokens: undefined,
  }),
};

const textsOf = ({ body }: HttpCallRequest) => JSON.parse(body ?? "") as string[];
const ok = (body: unknown): HttpCallAnswer => ({ status: 200, headers: {}, body: JSON.stringify(body) });
const refusal = (status: number, message: string): HttpCallAnswer => ({ status, headers: {}, body: message });
const embedded = (request: HttpCallRequest) => ok(textsOf(request).map((text) => [text.length, 1]));

/** Calls that wait until the test lets them go. */
function heldCalls() {
  const held: { readonly request: HttpCallRequest; readonly settle: (answer: HttpCallAnswer) => void }[] = [];
  const aborted: string[] = [];
  const call: HttpCall = (request) =>
    new Promise((resolve, reject) => {
      const leave = () => {
        aborted.push(textsOf(request).join());
        reject(new HttpCallError("aborted", "the caller left"));
      };
      request.signal.addEventListener("abort", leave);
      const settle = (answer: HttpCallAnswer) => {
        request.signal.removeEventListener("abort", leave);
        resolve(answer);
      };
      held.push({ request, settle });
    });
  return { held, aborted, call };
}

/** First components, which say which text a vector belongs to. */
const lengths = (vectors: readonly Float32Array[]) =>
  vectors.map((vector) => Math.round((vector[0] ?? 0) / (vector[1] ?? 1)));

describe("an embedder over HTTP that takes one text a call", () => {
  const texts = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff"];

  it("has some calls under way at a time, and keeps the order however they end", async () => {
    const { held, call } = heldCalls();
    const embedder = createHttpEmbedder(plain, servicesOf(call));
    expect(embedder.maxBatch).toBe(maxConcurrentCalls);
    const result = embedder.embed(texts, signal);
    await settled();
    expect(held).toHaveLength(maxConcurrentCalls);
    for (const { request, settle } of held.splice(0).reverse()) settle(embedded(request));
    await settled();
    expect(held).toHaveLength(2);
    for (const { request, settle } of held.splice(0).reverse()) settle(embedded(request));
    expect(lengths((await result).vectors)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("bounds them over all that are embedded at a time, but lets a single text pass", async () => {
    const { held, call } = heldCalls();
    const embedder = createHttpEmbedder(plain, servicesOf(call));
    const bulk = [embedder.embed(texts, signal), embedder.embed(texts, signal)];
    await settled();
    expect(held).toHaveLength(maxConcurrentCalls);
    const single = embedder.embed(["single"], signal);
    await settled();
    expect(textsOf(held.at(-1)?.request ?? { url: "", headers: {}, signal, timeoutMs: 0 })).toEqual([
      "single",
    ]);
    while (held.length > 0) {
      for (const { request, settle } of held.splice(0)) settle(embedded(request));
      await settled();
    }
    expect((await single).vectors).toHaveLength(1);
    for (const { vectors } of await Promise.all(bulk)) expect(lengths(vectors)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("ends the others at once when one fails, and tells of that one", async () => {
    const { held, aborted, call } = heldCalls();
    const lost = failure(createHttpEmbedder(plain, servicesOf(call)).embed(texts, signal));
    await settled();
    held[1]?.settle(refusal(500, "no more"));
    const error = await lost;
    expect(error.message).toBe("vendor/model at vendor.test answered 500: no more");
    expect(aborted).toEqual(["a", "ccc", "dddd"]);
    await settled();
    expect(held).toHaveLength(maxConcurrentCalls);
  });

  it("ends all when its caller leaves, those that wait included", async () => {
    const { held, aborted, call } = heldCalls();
    const leaving = new AbortController();
    const lost = failure(createHttpEmbedder(plain, servicesOf(call)).embed(texts, leaving.signal));
    await settled();
    leaving.abort();
    expect(await lost).toMatchObject({ kind: "aborted" });
    expect(aborted).toHaveLength(maxConcurrentCalls);
    await settled();
    expect(held).toHaveLength(maxConcurrentCalls);
  });

  it("adds up tokens, and does without where none are reported", async () => {
    const decode: EmbeddingsDialect["decode"] = (answer, expected) => ({
      ...plain.decode(answer, expected),
      inputTokens: 5,
    });
    const call: HttpCall = async (request) => embedded(request);
    const counting = createHttpEmbedder({ ...plain, decode }, servicesOf(call));
    expect((await counting.embed(["a", " ", "b"], signal)).inputTokens).toBe(10);
    expect(await createHttpEmbedder(plain, servicesOf(call)).embed(["a"], signal)).not.toHaveProperty(
      "inputTokens",
    );
  });
});

describe("what an embedder over HTTP sends", () => {
  it("is trimmed, whole characters, cut, and never blank", async () => {
    const sent: string[] = [];
    const call: HttpCall = async (request) => {
      sent.push(...textsOf(request));
      return embedded(request);
    };
    const embedder = createHttpEmbedder({ ...plain, textsPerCall: 10 }, servicesOf(call));
    const { vectors } = await embedder.embed(["  a ", "", " \n", "x\ud83d", "é".repeat(200)], signal);
    expect(sent).toEqual(["a", "x\ufffd", "é".repeat(50)]);
    expect(vectors.map((vector) => vector.some((value) => value !== 0))).toEqual([
      true,
      false,
      false,
      true,
      true,
    ]);
  });

  it("is nothing when its caller has already left", async () => {
    const call: HttpCall = () => Promise.reject(new Error("called"));
    const embedder = createHttpEmbedder(plain, servicesOf(call));
    for (const texts of [["a"], [""], []])
      expect(await failure(embedder.embed(texts, AbortSignal.abort()))).toMatchObject({ kind: "aborted" });
  });

  it("is a probe when the length is unknown and there is nothing else to send", async () => {
    const call: HttpCall = async (request) => embedded(request);
    const unknown = createHttpEmbedder({ ...plain, dimensions: undefined }, servicesOf(call));
    expect(unknown.dimensions).toBeUndefined();
    expect((await unknown.embed([" "], signal)).vectors).toEqual([new Float32Array(2)]);
    expect(unknown.dimensions).toBe(2);
    const native = createHttpEmbedder(
      { ...plain, dimensions: undefined, nativeDimensions: 3 },
      servicesOf(() => Promise.reject(new Error("called"))),
    );
    expect((await native.embed([" "], signal)).vectors).toEqual([new Float32Array(3)]);
  });
});

describe("giving way", () => {
  const asking = (textsPerCall: number, bytesPerText: number): EmbeddingsDialect => ({
    ...plain,
    textsPerCall,
    bytesPerText,
    giveWay: (_, message) => {
      if (message === "too many") return asking(textsPerCall / 2, bytesPerText);
      return message === "too long" ? asking(textsPerCall, bytesPerText / 2) : undefined;
    },
  });
  const strict = (mostTexts: number, mostBytes: number) => {
    const calls: string[][] = [];
    const call: HttpCall = async (request) => {
      const texts = textsOf(request);
      calls.push(texts);
      if (texts.length > mostTexts) return refusal(400, "too many");
      if (texts.some((text) => text.length > mostBytes)) return refusal(400, "too long");
      return embedded(request);
    };
    return { calls, call };
  };

  it("splits again what a vendor takes in smaller parts, and remembers the parts", async () => {
    const { calls, call } = strict(2, 100);
    const embedder = createHttpEmbedder(asking(8, 100), servicesOf(call));
    const texts = ["a", "bb", "ccc", "dddd", "eeeee"];
    expect(lengths((await embedder.embed(texts, signal)).vectors)).toEqual([1, 2, 3, 4, 5]);
    calls.length = 0;
    expect(lengths((await embedder.embed(texts, signal)).vectors)).toEqual([1, 2, 3, 4, 5]);
    expect(calls).toEqual([["a", "bb"], ["ccc", "dddd"], ["eeeee"]]);
  });

  it("learns both of two lessons, also from calls that overlap", async () => {
    const { calls, call } = strict(2, 50);
    const embedder = createHttpEmbedder(asking(4, 100), servicesOf(call));
    const long = "x".repeat(100);
    await Promise.all([embedder.embed(["a", "b", "c"], signal), embedder.embed([long], signal)]);
    await embedder.embed([long, long, long], signal);
    calls.length = 0;
    await embedder.embed([long, long, long], signal);
    expect(calls.map((texts) => texts.map(({ length }) => length))).toEqual([[50, 50], [50]]);
  });

  it("ends even when a dialect would go on for ever", async () => {
    let calls = 0;
    const call: HttpCall = async () => {
      calls++;
      return refusal(400, "no");
    };
    const endless: EmbeddingsDialect = { ...plain, giveWay: () => endless };
    const error = await failure(createHttpEmbedder(endless, servicesOf(call)).embed(["a"], signal));
    expect(error.status).toBe(400);
    expect(calls).toBeLessThan(50);
  });
});

describe("proving who we are", () => {
  const signing = (authorize: NonNullable<EmbeddingsDialect["authorize"]>): EmbeddingsDialect => ({
    ...plain,
    authorize,
  });

  it("happens before each call, and what it adds never shows", async () => {
    let tokens = 0;
    const dialect = signing(async (request) => ({
      ...request,
      headers: { ...request.headers, authorization: `Bearer token-${++tokens}` },
    }));
    const seen: (string | undefined)[] = [];
    const call: HttpCall = async (request) => {
      seen.push(request.headers["authorization"]);
      return refusal(403, `token-${tokens} may not, nor may hush`);
    };
    const embedder = createHttpEmbedder(dialect, servicesOf(call));
    for (let i = 0; i < 2; i++) {
      const error = await failure(embedder.embed(["a"], signal));
      expect(error.message).toBe(
        "vendor/model at vendor.test answered 403: [redacted] may not, nor may [redacted]",
      );
    }
    expect(seen).toEqual(["Bearer token-1", "Bearer token-2"]);
  });

  it("fails with what the cloud says, and is retried where that may help", async () => {
    const failing = (error: unknown, from = signal) =>
      failure(
        createHttpEmbedder(
          signing(() => Promise.reject(error)),
          servicesOf(() => Promise.reject(new Error("called"))),
        ).embed(["a"], from),
      );
    for (const isRetryable of [true, false]) {
      const error = await failing(new IdentityError("no credentials found: set X", { isRetryable }));
      expect(error).toMatchObject({
        kind: "vendor",
        isRetryable,
        message: "vendor/model at vendor.test: no credentials found: set X",
      });
    }
    expect(await failing(new HttpCallError("timeout", "no answer within 5 ms"))).toMatchObject({
      kind: "timeout",
    });
    const odd = await failing(new Error("the body was hush"));
    expect(odd).toMatchObject({ kind: "vendor", isRetryable: true });
    expect(odd.message).not.toContain("hush");
  });

  it("is left with its caller", async () => {
    const leaving = new AbortController();
    const dialect = signing((_, inner) => {
      leaving.abort(new Error("gone"));
      return Promise.reject(inner.reason);
    });
    const embedder = createHttpEmbedder(
      dialect,
      servicesOf(() => Promise.reject(new Error("called"))),
    );
    expect(await failure(embedder.embed(["a"], leaving.signal))).toMatchObject({ kind: "aborted" });
  });
});

describe("a refusal in a vendor's own way", () => {
  it("is read by the dialect before the usual places", async () => {
    const readRefusal: EmbeddingsDialect["readRefusal"] = ({ headers }) => ({
      message: `${headers["x-error"]}: hush`,
      isRetryable: true,
      retryAfterMs: 1234,
    });
    const call: HttpCall = async () => ({ status: 424, headers: { "x-error": "ModelError" }, body: "{}" });
    const error = await failure(
      createHttpEmbedder({ ...plain, readRefusal }, servicesOf(call)).embed(["a"], signal),
    );
    expect(error.message).toBe("vendor/model at vendor.test answered 424: ModelError: [redacted]");
    expect(error).toMatchObject({ status: 424, isRetryable: true, retryAfterMs: 1234 });
  });
});
