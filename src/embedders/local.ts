/** Embeddings by the model that ships with Sluice: no key, no network, no wait. */
import { setImmediate } from "node:timers/promises";
import { defineEmbedder, type Embedder } from "./embedder.ts";
import { EmbeddingError } from "./embedding-error.ts";
import { loadLocalModel } from "./local/model.ts";

/** Texts embedded before other work gets its turn: a few milliseconds of short texts. */
const textsAtOnce = 32;

export const local = defineEmbedder({
  name: "local",
  summary: "Embeds inside the process with the model that ships with Sluice; needs no key and no network.",
  create: createLocalEmbedder,
});

function createLocalEmbedder(): Embedder {
  const model = loadLocalModel();
  return {
    space: `local:${model.name}:${model.dimensions}`,
    provider: "local",
    model: model.name,
    dimensions: model.dimensions,
    maxBatch: 1024,
    embedNow: (text) => model.embed(text),
    async embed(texts, signal) {
      const vectors: Float32Array[] = [];
      for (const text of texts) {
        if (vectors.length % textsAtOnce === 0) await setImmediate();
        if (signal.aborted) throw new EmbeddingError("aborted", "the caller left", { cause: signal.reason });
        vectors.push(model.embed(text));
      }
      return { vectors };
    },
    calibrate: (cosine, context) => model.calibrate(cosine, context),
  };
}
