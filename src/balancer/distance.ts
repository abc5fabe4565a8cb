/** The one meaning of a threshold's number, whichever store or embedder the similarity came from. */
import { cosineDistance, euclideanDistance } from "../util/vector.ts";

/** Distance for a similarity of unit vectors: cosine 1 − s; euclidean d/(1+d) with d the L2 distance. */
export function distanceOf(similarity: number, metric: "cosine" | "euclidean"): number {
  return metric === "cosine" ? cosineDistance(similarity) : euclideanDistance(similarity);
}
