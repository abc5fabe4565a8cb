/** The vectors of every group's description and examples, and how near a prompt is to each group. */
import type { Embedder } from "../embedders/embedder.ts";
import { normalise } from "../util/vector.ts";
import type { VectorItem, VectorMatch } from "../vector-stores/vector-store.ts";
import type { SemanticServices } from "./balancer.ts";
import type { Group } from "./groups.ts";

export interface GroupIndex {
  /** Similarity of the prompt's vector to each group, in the groups' order, on the scale thresholds are written for. */
  similarities(vector: Float32Array): readonly number[] | Promise<readonly number[]>;
}

/** Embeds what is not yet embedded and puts all vectors into the store. Rejects when a text could not be embedded. */
export async function createGroupIndex(
  groups: readonly Group[],
  services: SemanticServices,
  signal: AbortSignal,
): Promise<GroupIndex> {
  const texts = groups.flatMap((group) => [group.description, ...group.examples]);
  const vectors = await services.embedding.embedDescriptions(texts, signal);
  const items: VectorItem[] = [];
  let next = 0;
  for (const [index, group] of groups.entries()) {
    const members = vectors.slice(next, next + 1 + group.examples.length);
    next += members.length;
    for (const [position, vector] of members.entries()) items.push({ id: `${index}/${position}`, vector });
    if (group.examples.length > 0) items.push({ id: `${index}/centroid`, vector: centroid(members) });
  }
  await services.store.replace(services.namespace, items, signal);

  const fold = (matches: readonly VectorMatch[]) => foldMatches(matches, groups, services.embedding.embedder);
  return {
    similarities(vector) {
      const matches = services.store.search(services.namespace, vector, items.length, signal);
      return matches instanceof Promise ? matches.then(fold) : fold(matches as readonly VectorMatch[]); // a promise is ruled out before
    },
  };
}

function centroid(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) {
    for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] ?? 0) + (vector[at] ?? 0);
  }
  return normalise(sum);
}

function foldMatches(
  matches: readonly VectorMatch[],
  groups: readonly Group[],
  embedder: Embedder,
): readonly number[] {
  const nearest = new Array<number>(groups.length).fill(-1);
  const middle = new Array<number>(groups.length).fill(-1);
  for (const { id, similarity } of matches) {
    const slash = id.indexOf("/");
    const index = Number(id.slice(0, slash));
    if (id.endsWith("/centroid")) middle[index] = similarity;
    else if (similarity > (nearest[index] ?? -1)) nearest[index] = similarity;
  }
  return groups.map((group, index) => {
    const examples = group.examples.length;
    const near = nearest[index] ?? -1;
    const cosine = examples === 0 ? near : (near + (middle[index] ?? -1)) / 2;
    return embedder.calibrate?.(cosine, { examples }) ?? cosine;
  });
}
