/** Which vectors of an answer can be used. */
import { dot, normalise } from "../../util/vector.ts";
import { requireNumber } from "./answer.ts";

/** `expected` unit vectors of one length; throws an `Error` that says which one is wrong and why. */
export function usableVectors(vectors: readonly Float32Array[], expected: number): readonly Float32Array[] {
  requireNumber(vectors.length, expected);
  const usable = vectors.map(toUnitLength);
  const length = vectors[0]?.length;
  const odd = vectors.find((vector) => vector.length !== length);
  if (odd !== undefined) throw new Error(`the answer mixes vectors of ${length} and ${odd.length} numbers`);
  return usable;
}

function toUnitLength(vector: Float32Array, place: number): Float32Array {
  if (vector.length === 0) throw new Error(`embedding ${place} is empty`);
  // In double precision, where no square of a float32 overflows or vanishes: one pass tells both.
  const square = dot(vector, vector);
  if (!Number.isFinite(square)) throw new Error(`embedding ${place} holds numbers that are not finite`);
  if (square === 0) throw new Error(`embedding ${place} is all zeros`);
  return normalise(vector);
}
