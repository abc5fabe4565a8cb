/** What every embedder must do; each member's test calls this with a way to make one. */
import { beforeAll, describe, expect, it } from "vitest";
import { dot } from "../util/vector.ts";
import type { Embedder } from "./embedder.ts";
import { EmbeddingError } from "./embedding-error.ts";

const texts = [
  "How do I write a Python function?",
  "My VPN keeps disconnecting; help me troubleshoot it?",
  "Wie setze ich mein Passwort zurück?",
  "机器学习是什么?",
  "🤷🏽‍♀️ what now",
  'quotes " and \\ and \n line breaks',
];

/** `create` is called once; `embed` may reach no further than a fake of the vendor. */
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
