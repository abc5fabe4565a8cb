/** The vectors of every group, and how near a prompt is to each. Held in memory: no request waits for a store. */
import type { SemanticServices } from "./balancer.ts";
import { descriptionParts, prepareGroup, type ScoredGroup, scoreGroup } from "./group-score.ts";
import type { Group } from "./groups.ts";

export interface GroupIndex {
  /** Similarity of the prompt's vector to each group, in the groups' order, on the scale thresholds are written for. */
  similarities(vector: Float32Array): readonly number[];
}

/** Rejects as `DescriptionVectors.of` does. */
export async function createGroupIndex(
  groups: readonly Group[],
  services: Pick<SemanticServices, "embedding" | "descriptions">,
  signal: AbortSignal,
): Promise<GroupIndex> {
  const { embedder } = services.embedding;
  const texts = groups.map((group) => [
    group.description,
    ...membersOf(group, embedder.calibrate !== undefined),
  ]);
  const vectors = await services.descriptions.of(texts.flat(), signal);
  const scored: ScoredGroup[] = [];
  let next = 0;
  for (const [index, { length }] of texts.entries()) {
    const [description, ...members] = vectors.slice(next, next + length);
    next += length;
    if (description === undefined)
      throw new Error(`the embedder gave no vector for the description of group ${index}`);
    scored.push(prepareGroup(description, members));
  }
  return {
    similarities: (vector) =>
      scored.map((group) => {
        const similarity = scoreGroup(vector, group);
        return embedder.calibrate?.(similarity, { examples: group.examples }) ?? similarity;
      }),
  };
}

/**
 * What is compared beside the description itself. The parts of a description that lists subjects count for embedders
 * with a scale of their own only: with an API's embedder a description alone means what it means in Kong, its cosine.
 */
function membersOf(group: Group, hasScale: boolean): readonly string[] {
  return hasScale ? [...descriptionParts(group.description), ...group.examples] : group.examples;
}
