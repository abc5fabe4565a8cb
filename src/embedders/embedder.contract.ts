/** What every embedder must do; each member's test calls this with a way to make one. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { failure } from "../../test/support/fake-embeddings-vendor.ts";
import { freePort } from "../../test/support/free-port.ts";
import type { Mischief, VendorServer } from "../../test/support/vendors/server.ts";
import { createHttpCaller, type HttpCaller } from "../http/http-caller.ts";
import { dot } from "../util/vector.ts";
import type { Embedder, EmbedderServices } from "./embedder.ts";
import { EmbeddingError } from "./embedding-error.ts";

const texts = [
  "How do I write a Python function?",
  "My VPN keeps disconnecting; help me troubleshoot it?",
  "Wie setze ich mein Passwort zurück?",
  "机器学习是什么?",
  "🤷🏽‍♀️ what now",
  'quotes " and \\ and \n line breaks',
];

/** `create` is called once, after the hooks around; `embed` may reach no further than a fake of the vendor. */
export function describeEmbedder(name: string, create: () => Embedder): void {
  describe(`${name} as an embedder`, () => {
    const { signal } = new AbortController();
    let embedder: Embedder;
    beforeAll(() => {
      embedder = create();
    });

    const embed = async (...some: string[]) => (await embedder.embed(some, signal)).vectors;
    const only = async (text: string) => {
      const [vector] = await embed(text);
      if (vector === undefined) throw new Error("no vector");
      return vector;
    };

    it("has a name, a space and a batch size", () => {
      expect(embedder.provider).not.toBe("");
      expect(embedder.model).not.toBe("");
      expect(embedder.space).toContain(embedder.model);
      expect(embedder.maxBatch).toBeGreaterThan(0);
    });

    it("gives unit vectors of one length, which it then states", async () => {
      const vectors = await embed(...texts);
      expect(vectors).toHaveLength(texts.length);
      for (const vector of vectors) {
        expect(vector).toHaveLength(embedder.dimensions ?? -1);
        expect(Math.sqrt(dot(vector, vector))).toBeCloseTo(1, 4);
      }
    });

    it("gives the vectors in the order of the texts, in a batch the same as alone", async () => {
      const batch = await embed(...texts);
      for (const [i, text] of texts.entries()) {
        const alone = await only(text);
        batch.forEach((vector, j) => {
          if (i === j) expect(dot(vector, alone)).toBeCloseTo(1, 5);
          else expect(dot(vector, alone)).toBeLessThan(0.9999);
        });
      }
    });

    it("is deterministic", async () => {
      expect(dot(await only("same"), await only("same"))).toBeCloseTo(1, 6);
    });

    it("gives a new array each time, for callers to keep", async () => {
      const [first, second] = [await only("same"), await only("same")];
      expect(first.buffer).not.toBe(second.buffer);
    });

    it("gives nothing for nothing", async () => {
      expect(await embed()).toEqual([]);
    });

    it("gives a zero vector for a text with nothing in it, and does not disturb its neighbours", async () => {
      const [empty, blank, spoken] = await embed("", " \n\t ", "hello");
      for (const vector of [empty, blank]) {
        expect(vector).toHaveLength(embedder.dimensions ?? -1);
        expect(vector?.every((value) => value === 0)).toBe(true);
      }
      expect(dot(spoken ?? new Float32Array(), await only("hello"))).toBeCloseTo(1, 5);
    });

    it("takes a text of any length", async () => {
      for (const unit of ["word ", "x", "机器", "hi😀"]) {
        const vector = await only(unit.repeat(200_000));
        expect(Math.sqrt(dot(vector, vector))).toBeCloseTo(1, 4);
      }
    });

    it("takes half of a surrogate pair", async () => {
      expect(await only("broken \ud83d text")).toHaveLength(embedder.dimensions ?? -1);
    });

    it("takes a full batch", async () => {
      const full = Array.from({ length: embedder.maxBatch }, (_, i) => `text number ${i}`);
      expect(await embed(...full)).toHaveLength(full.length);
    });

    it("rejects as aborted when its caller has left", async () => {
      const error = await embedder.embed(["hello"], AbortSignal.abort()).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(EmbeddingError);
      expect(error).toMatchObject({ kind: "aborted" });
    });

    it("gives at once what it gives with a promise, where it can", async () => {
      if (embedder.embedNow === undefined) return;
      for (const text of [...texts, "", "  ", "word ".repeat(50_000)]) {
        expect([...embedder.embedNow(text)]).toEqual([...(await only(text))]);
      }
      expect(embedder.embedNow("same").buffer).not.toBe(embedder.embedNow("same").buffer);
    });

    it("calibrates, where it does, without changing an order", () => {
      if (embedder.calibrate === undefined) return;
      for (const examples of [0, 1, 5, 50]) {
        let last = Number.NEGATIVE_INFINITY;
        for (let cosine = -1; cosine <= 1; cosine += 0.01) {
          const similarity = embedder.calibrate(cosine, { examples });
          expect(similarity).toBeGreaterThanOrEqual(last);
          expect(similarity).toBeGreaterThanOrEqual(-1);
          expect(similarity).toBeLessThanOrEqual(1);
          last = similarity;
        }
      }
    });
  });
}

export interface NetworkEmbedderCase {
  /** A new faithful server of the vendor, which takes `secret` and knows the model that `create` asks for. */
  start(): Promise<VendorServer>;
  /** An embedder that calls the server at `url` with the credential `secret`. */
  create(setting: NetworkEmbedderSetting): Embedder;
  /** A length the model can answer; the same each time. */
  readonly dimensions: number;
  /** The credential as the vendor gets it, or the part of it that must never show. */
  readonly secret: string;
}

export interface NetworkEmbedderSetting {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** `vectordb.dimensions` */
  readonly dimensions: number | undefined;
  readonly services: EmbedderServices;
}

/** What every embedder must do that calls a vendor, `describeEmbedder` included, against a server over real HTTP. */
export function describeNetworkEmbedder(name: string, vendor: NetworkEmbedderCase): void {
  const { dimensions, secret } = vendor;
  // Longer than a port, which messages do show.
  const text = "My employee number is E-4711-0815 and my salary is nobody's business";
  let server: VendorServer;
  let caller: HttpCaller;
  let services: EmbedderServices;

  beforeAll(async () => {
    server = await vendor.start();
    caller = createHttpCaller();
    services = { call: caller.call, wallClock: () => Date.now(), env: {} };
  });
  afterAll(async () => {
    await caller.close();
    await server.close();
  });

  const create = (asked: number | undefined = dimensions) =>
    vendor.create({ url: server.url, dimensions: asked, services });

  describeEmbedder(name, create);

  describe(`${name} as an embedder over a network`, () => {
    const { signal } = new AbortController();
    beforeEach(() => server.reset());

    /** What `embed` rejects with after `mischief`, looked through for what must not be in it. */
    async function failing(mischief: Mischief, texts: readonly string[] = [text]): Promise<EmbeddingError> {
      const embedder = create();
      server.misbehave(mischief);
      const error = await failure(embedder.embed(texts, signal));
      expect(error.message).toContain(`${embedder.provider}/${embedder.model} at 127.0.0.1`);
      expect(error.message).not.toContain(secret);
      expect(error.message).not.toContain("4711-0815");
      expect(error.message.length).toBeLessThan(600);
      return error;
    }
    const refusing = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
      failing({ kind: "reply", status, body, headers });
    const bending = (
      bend: (vectors: readonly (readonly number[])[]) => number[][],
      texts?: readonly string[],
    ) => failing({ kind: "bend", bend }, texts);

    it("is told to wait: retryable, and for how long", async () => {
      const error = await refusing(429, { message: "slow down" }, { "retry-after": "7" });
      expect(error).toMatchObject({ kind: "vendor", status: 429, isRetryable: true, retryAfterMs: 7000 });
    });

    it("is told of a failure inside: retryable", async () => {
      for (const status of [500, 502, 503])
        expect(await refusing(status, "oops")).toMatchObject({ kind: "vendor", status, isRetryable: true });
    });

    it("is refused its credential: not retryable, and the credential is not repeated", async () => {
      const message = `The key ${secret} is not known, nor is Bearer ${secret}.`;
      for (const body of [
        message,
        { message },
        { error: message },
        { error: { message } },
        { detail: message },
      ])
        expect(await refusing(401, body)).toMatchObject({ kind: "vendor", status: 401, isRetryable: false });
    });

    it("does not repeat the text that the vendor repeats", async () => {
      const message = `cannot embed: ${text}`;
      for (const body of [message, { message }, { error: message }, { error: { message } }])
        expect(await refusing(400, body)).toMatchObject({ kind: "vendor", status: 400 });
    });

    it("gets a page in place of an answer", async () => {
      const page = `<!doctype html><title>Welcome</title><p>${text}`;
      expect(await refusing(200, page)).toMatchObject({ kind: "invalid" });
      expect(await refusing(502, page)).toMatchObject({ kind: "vendor", isRetryable: true });
      for (const odd of [null, [], {}, 1, "", "true"])
        expect(await refusing(200, odd)).toMatchObject({ kind: "invalid" });
    });

    it("loses the connection before the answer, or within it", async () => {
      for (const kind of ["slam", "cut"] as const)
        expect(await failing({ kind })).toMatchObject({ kind: "vendor", isRetryable: true });
    });

    it("finds nobody at the address", async () => {
      const url = `http://127.0.0.1:${await freePort()}`;
      const error = await failure(vendor.create({ url, dimensions, services }).embed([text], signal));
      expect(error).toMatchObject({ kind: "vendor", isRetryable: true });
      expect(error.message).toContain("ECONNREFUSED");
    });

    it("stops waiting when its caller leaves, and leaves the vendor too", async () => {
      server.misbehave({ kind: "hang" });
      const leaving = new AbortController();
      const arrived = server.arrived();
      const lost = failure(create().embed([text], leaving.signal));
      await arrived;
      leaving.abort();
      expect(await lost).toMatchObject({ kind: "aborted" });
      await expect.poll(() => server.left).toBeGreaterThan(0);
    });

    it("gets too few vectors, or too many", async () => {
      await bending((vectors) => vectors.slice(1).map((vector) => [...vector]));
      await bending((vectors) => [...vectors, ...vectors].map((vector) => [...vector]));
      const error = await bending(() => [], ["one", "two", "three"]);
      expect(error).toMatchObject({ kind: "invalid" });
    });

    it.each([
      ["an empty vector", () => []],
      ["zeros", (vector: readonly number[]) => vector.map(() => 0)],
      ["NaN", (vector: readonly number[]) => [Number.NaN, ...vector.slice(1)]],
      ["numbers beyond float32", (vector: readonly number[]) => [1e300, ...vector.slice(1)]],
    ] as const)("gets %s in place of a vector", async (_, bend) => {
      const error = await bending((vectors) => vectors.map((vector) => [...bend(vector)]));
      expect(error).toMatchObject({ kind: "invalid" });
    });

    it("gets another length than configured, and says both and what to change", async () => {
      const error = await bending((vectors) => vectors.map((vector) => vector.slice(1)));
      expect(error).toMatchObject({ kind: "invalid", isRetryable: false });
      expect(error.message).toContain(
        `vectors of ${dimensions - 1} numbers where ${dimensions} are configured: set vectordb.dimensions to ${dimensions - 1}`,
      );
    });

    it("gets a length that changes", async () => {
      const embedder = vendor.create({ url: server.url, dimensions: undefined, services });
      const [first] = (await embedder.embed(["one"], signal)).vectors;
      const length = first?.length ?? 0;
      server.misbehave({ kind: "bend", bend: (vectors) => vectors.map((vector) => vector.slice(1)) });
      const error = await failure(embedder.embed(["two"], signal));
      expect(error).toMatchObject({ kind: "invalid", isRetryable: false });
      expect(error.message).toContain(`vectors of ${length - 1} numbers after ${length}`);
    });

    it("works again as soon as the vendor does", async () => {
      const embedder = create();
      server.misbehave({ kind: "slam" });
      await failure(embedder.embed([text], signal));
      server.misbehave(undefined);
      expect((await embedder.embed([text], signal)).vectors[0]).toHaveLength(dimensions);
    });
  });
}
