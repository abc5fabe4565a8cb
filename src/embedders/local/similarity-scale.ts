// The monotone map from this model's cosines onto the scale that people's thresholds are written for.

/**
 * Parameters, fitted by models/calibrate.py on text of the project's own (never on a benchmark): `atThreshold[i]` is the
 * cosine that separates a match from none for groups with `examples[i]` example prompts.
 */
export interface SimilarityScale {
  /** The similarity people mean by "just near enough": 1 − 0.7, the distance in the published examples. */
  readonly threshold: number;
  readonly examples: readonly number[];
  readonly atThreshold: readonly number[];
}

/**
 * Similarities of different models live on different scales, and with examples the nearest of several vectors is
 * nearer than one description would be. The map is linear below and above the knee: −1 ↦ −1, knee ↦ threshold, 1 ↦ 1,
 * so it is monotone and the same for every prompt. Between listed numbers of examples the knee is interpolated.
 */
export function similarityScale(scale: SimilarityScale): (cosine: number, examples: number) => number {
  return (cosine, examples) => {
    const knee = kneeFor(scale, examples);
    if (cosine >= knee) return scale.threshold + ((cosine - knee) * (1 - scale.threshold)) / (1 - knee);
    return -1 + ((cosine + 1) * (scale.threshold + 1)) / (knee + 1);
  };
}

function kneeFor({ examples: counts, atThreshold }: SimilarityScale, examples: number): number {
  const after = counts.findIndex((count) => count >= examples);
  if (after === -1) return atThreshold.at(-1) ?? 0;
  const high = atThreshold[after] ?? 0;
  const count = counts[after] ?? 0;
  const lowerCount = counts[after - 1];
  const low = atThreshold[after - 1];
  if (lowerCount === undefined || low === undefined || count === examples) return high;
  return low + ((high - low) * (examples - lowerCount)) / (count - lowerCount);
}
