// How near a prompt is to one group of targets: its description and, if it has any, its example prompts.

/** A group's vectors in one block, ready for scoring. Made once, when the config is loaded. */
export interface ScoredGroup {
  readonly dimensions: number;
  /** Number of examples and description parts, without the description itself: what an embedder's scale wants to know. */
  readonly examples: number;
  /** Centroid first (unit length), then the description, then the examples. */
  readonly vectors: Float32Array;
}

/** In the centroid the description counts as so many examples: it says what few examples cannot. Measured: docs/quality.md. */
const DESCRIPTION_WEIGHT = 4;

/** Share of the nearest member in the score of a group with examples; the rest is the centroid's. Measured: docs/quality.md. */
const NEAREST_SHARE = 0.5;

const SEPARATOR = /[,;:]|\band\b|\bor\b/u;
const MAX_PARTS = 24;

/**
 * The subjects that a description lists: «Cars: tires, fuel and traffic» → Cars, tires, fuel, traffic. A description of
 * one subject has no parts. They are scored as examples are, so that a prompt on one of many subjects is near enough.
 */
export function descriptionParts(description: string): readonly string[] {
  const parts = description
    .split(SEPARATOR)
    .map((part) => part.replace(/[.!?\s]+$/u, "").trim())
    .filter((part) => part.length > 2);
  return parts.length > 1 ? parts.slice(0, MAX_PARTS) : [];
}

/** Prepares a group. `examples` holds the example prompts and the description's parts. All vectors must come from one embedder and be of unit length. */
export function prepareGroup(description: Float32Array, examples: readonly Float32Array[]): ScoredGroup {
  const dimensions = description.length;
  const members = [description, ...examples];
  const wrong = members.find((member) => member.length !== dimensions);
  if (wrong)
    throw new RangeError(`Vectors of one group differ in dimensions: ${dimensions} and ${wrong.length}.`);
  const vectors = new Float32Array((members.length + 1) * dimensions);
  for (const [index, member] of members.entries()) vectors.set(member, (index + 1) * dimensions);
  vectors.set(centroid(description, examples), 0);
  return { dimensions, examples: examples.length, vectors };
}

/**
 * Similarity of a prompt to a group, −1…1 like a cosine. Without examples it is the cosine to the description; with
 * examples ½ cosine to the centroid (in which the description counts as four examples) + ½ cosine to the nearest member: the
 * centroid alone fails when a group covers several topics, the nearest alone when examples are few. Allocates nothing.
 */
export function scoreGroup(prompt: Float32Array, group: ScoredGroup): number {
  const { dimensions, vectors } = group;
  if (prompt.length !== dimensions) {
    throw new RangeError(`The prompt has ${prompt.length} dimensions, the group ${dimensions}.`);
  }
  const toCentroid = dot(prompt, vectors, 0);
  if (group.examples === 0) return toCentroid;
  let nearest = -1;
  for (let start = dimensions; start < vectors.length; start += dimensions) {
    const similarity = dot(prompt, vectors, start);
    if (similarity > nearest) nearest = similarity;
  }
  return (1 - NEAREST_SHARE) * toCentroid + NEAREST_SHARE * nearest;
}

function centroid(description: Float32Array, examples: readonly Float32Array[]): Float32Array {
  const sum = description.map((value) => value * DESCRIPTION_WEIGHT);
  for (const example of examples) {
    for (let column = 0; column < sum.length; column++)
      sum[column] = (sum[column] ?? 0) + (example[column] ?? 0);
  }
  const length = Math.hypot(...sum);
  return length > 0 ? sum.map((value) => value / length) : sum;
}

function dot(prompt: Float32Array, vectors: Float32Array, start: number): number {
  let sum = 0;
  for (let column = 0; column < prompt.length; column++)
    sum += (prompt[column] ?? 0) * (vectors[start + column] ?? 0);
  return sum;
}
