/** Arithmetic on embedding vectors, and the two distances thresholds are written in. */

/**
 * Inner product of two vectors of equal length; for unit vectors their cosine similarity. The caller has compared
 * the lengths: this is the inner loop of the exact scan.
 */
export function dot(a: Float32Array, b: Float32Array): number {
  return dotAt(a, 0, b);
}

/**
 * Inner product of `b` with the `b.length` numbers of `flat` that begin at `offset`, so that a scan over a flat
 * table needs no sub-arrays. Four accumulators let the additions overlap: half the
 * time of the plain loop at 1024 numbers (Node 20).
 */
export function dotAt(flat: Float32Array, offset: number, b: Float32Array): number {
  const { length } = b;
  const unrolled = length - (length % 4);
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  // The casts are free of checks on purpose: every index is below a length that bounds the loop.
  for (let i = 0, at = offset; i < unrolled; i += 4, at += 4) {
    s0 += (flat[at] as number) * (b[i] as number);
    s1 += (flat[at + 1] as number) * (b[i + 1] as number);
    s2 += (flat[at + 2] as number) * (b[i + 2] as number);
    s3 += (flat[at + 3] as number) * (b[i + 3] as number);
  }
  for (let i = unrolled; i < length; i++) s0 += (flat[offset + i] as number) * (b[i] as number);
  return s0 + s1 + (s2 + s3);
}

/** A copy of unit length. A zero vector has no direction and stays zero. */
export function normalise(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector));
  if (length === 0) return new Float32Array(vector.length);
  return vector.map((value) => value / length);
}

/** 1 − cosine similarity: 0 = same direction, 1 = nothing in common, 2 = opposite. */
export function cosineDistance(similarity: number): number {
  return 1 - clamp(similarity);
}

/**
 * Euclidean distance brought into 0–1 as d/(1+d), d the L2 distance of two unit vectors, which follows from their
 * cosine: d² = 2 − 2s. Opposite vectors are 2/3 apart, the most that unit vectors can be.
 */
export function euclideanDistance(similarity: number): number {
  const distance = Math.sqrt(2 - 2 * clamp(similarity));
  return distance / (1 + distance);
}

/** Rounding can carry a cosine of unit vectors past ±1 by some 1e-7. */
function clamp(similarity: number): number {
  return Math.max(-1, Math.min(1, similarity));
}
