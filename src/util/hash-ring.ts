/**
 * A Ketama ring (Karger et al., "Consistent Hashing and Random Trees", 1997; R. Jones, libketama, 2007): every member
 * has points on a circle of 2³² positions, and a key belongs to the member whose point comes next. The points of a
 * member depend on nothing but its place and its count, so that members come and go without touching each other's keys.
 */
import { xxHash32 } from "./xxhash32.ts";

export interface RingMember {
  /** Unique on the ring. */
  readonly place: string;
  /** A whole number from 1. */
  readonly weight: number;
}

export interface HashRing<Member extends RingMember> {
  /**
   * The candidate whose point comes next after `position` (0 ≤ position < 2³²), walking past the points of all others;
   * undefined where no candidate is on the ring. Takes n · log(points) steps, however long the walk would be.
   */
  find<Candidate extends Member>(position: number, candidates: readonly Candidate[]): Candidate | undefined;
  /** How many points a member has; 0: it is not on the ring. */
  countOf(member: Member): number;
}

/** Where the points of a member are, ascending. */
export type PointsOf<Member> = (member: Member, count: number) => Uint32Array;

/** 4 MiB of points and less than a second to make them, with however many members. A choice. */
const mostPoints = 2 ** 20;

/**
 * A ring where the weights decide how many points each has. A member's share of the keys then strays from the share of
 * its weight by √(share · (1 − share) / all points) as standard deviation.
 * @param size points of a member whose weight is the greatest power of two up to the heaviest weight
 * @param pointsOf to keep points from an earlier ring; must agree with `ringPoints`
 */
export function createHashRing<Member extends RingMember>(
  members: readonly Member[],
  size: number,
  pointsOf: PointsOf<Member> = (member, count) => ringPoints(member.place, count),
): HashRing<Member> {
  const counts = pointCounts(members, size);
  const points = new Map(
    members.map((member, index) => [member.place, pointsOf(member, counts[index] ?? 1)] as const),
  );
  return {
    find(position, candidates) {
      let best: (typeof candidates)[number] | undefined;
      let shortest = Number.POSITIVE_INFINITY;
      for (const candidate of candidates) {
        const own = points.get(candidate.place);
        if (own === undefined) continue;
        const distance = distanceToNext(own, position);
        // Where two points coincide the place decides, so that the order of the candidates does not.
        if (
          distance < shortest ||
          (distance === shortest && best !== undefined && candidate.place < best.place)
        ) {
          best = candidate;
          shortest = distance;
        }
      }
      return best;
    },
    countOf: (member) => points.get(member.place)?.length ?? 0,
  };
}

/** Where a key stands on the ring. */
export function ringPosition(key: string): number {
  return xxHash32(encoder.encode(key));
}

/** The first `count` points of a place, ascending: the hashes of each number, in four bytes, with the place after it. */
export function ringPoints(place: string, count: number): Uint32Array {
  const name = encoder.encode(place);
  const bytes = new Uint8Array(4 + name.length);
  bytes.set(name, 4);
  const view = new DataView(bytes.buffer);
  const points = new Uint32Array(count);
  for (let number = 0; number < count; number++) {
    view.setUint32(0, number, true);
    points[number] = xxHash32(bytes);
  }
  return points.sort();
}

const encoder = new TextEncoder();

/**
 * Counts by a unit that moves in powers of two only: a member that joins, leaves or changes its weight leaves the
 * counts of the others as they are unless the heaviest weight passes a power of two. (With counts by the share of the
 * total, as in libketama, each change of unequal weights would move keys between members it has nothing to do with.)
 */
function pointCounts(members: readonly RingMember[], size: number): readonly number[] {
  const heaviest = members.reduce((most, { weight }) => Math.max(most, weight), 1);
  const unit = 2 ** Math.floor(Math.log2(heaviest));
  for (let scale = size / unit; ; scale /= 2) {
    const counts = members.map(({ weight }) => Math.max(1, Math.round(weight * scale)));
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (total <= Math.max(mostPoints, members.length)) return counts;
  }
}

/** From `position` on to the first of the points, past the end of the circle if need be. */
function distanceToNext(points: Uint32Array, position: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle] ?? 0) < position) low = middle + 1;
    else high = middle;
  }
  const next = points[low === points.length ? 0 : low] ?? 0;
  return (next - position) >>> 0;
}
