/** Made-up vectors of unit length, the same in every run. */
import { seededRandom } from "../../src/simulator/text/random.ts";
import { normalise } from "../../src/util/vector.ts";
import type { VectorItem } from "../../src/vector-stores/vector-store.ts";

export function createVectors(count: number, dimensions: number, seed: number): readonly Float32Array[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () =>
    normalise(Float32Array.from({ length: dimensions }, () => random() * 2 - 1)),
  );
}

/** With ids as long as the gateway's own. */
export function createItems(count: number, dimensions: number, seed: number): readonly VectorItem[] {
  return createVectors(count, dimensions, seed).map((vector, index) => ({
    id: index.toString(16).padStart(32, "0"),
    vector,
  }));
}
