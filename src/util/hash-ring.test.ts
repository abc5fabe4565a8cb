import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHashRing, type RingMember, ringPoints, ringPosition } from "./hash-ring.ts";

const circle = 2 ** 32;
const size = 10_000;

const membersOf = (weights: readonly number[]): readonly RingMember[] =>
  weights.map((weight, index) => ({ place: `m${index}`, weight }));

const weightLists = fc.array(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 8 });
const positions = fc.array(fc.integer({ min: 0, max: circle - 1 }), { minLength: 1, maxLength: 50 });

/** The part of the circle that each member owns, exactly: the lengths of the arcs that end in its points. */
function sharesOf(members: readonly RingMember[], counts: readonly number[]): readonly number[] {
  const points = members
    .flatMap(({ place }, index) => [...ringPoints(place, counts[index] ?? 0)].map((at) => ({ at, index })))
    .sort((a, b) => a.at - b.at);
  const arcs = members.map(() => 0);
  let last = (points.at(-1)?.at ?? 0) - circle;
  for (const { at, index } of points) {
    arcs[index] = (arcs[index] ?? 0) + at - last;
    last = at;
  }
  return arcs.map((arc) => arc / circle);
}

/** The walk as one would write it down: along all points in order until one of a candidate's. */
function walk(
  members: readonly RingMember[],
  counts: readonly number[],
  position: number,
  candidates: readonly RingMember[],
): RingMember | undefined {
  const points = members
    .flatMap((member, index) =>
      [...ringPoints(member.place, counts[index] ?? 0)].map((at) => ({ at, member })),
    )
    .sort((a, b) => a.at - b.at || (a.member.place < b.member.place ? -1 : 1));
  const isAvailable = ({ member }: { member: RingMember }) => candidates.includes(member);
  const after = points.filter(({ at }) => at >= position);
  return (after.find(isAvailable) ?? points.find(isAvailable))?.member;
}

describe("a hash ring", () => {
  it("finds what a walk along all points finds, past those that are no candidates and past the end", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }),
        positions,
        fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
        (weights, places, isUp) => {
          const members = membersOf(weights);
          const ring = createHashRing(members, 20);
          const counts = members.map((member) => ring.countOf(member));
          const candidates = members.filter((_, index) => isUp[index]);
          for (const position of [0, circle - 1, ...places]) {
            expect(ring.find(position, candidates)).toBe(walk(members, counts, position, candidates));
          }
        },
      ),
    );
  });

  it("gives a key on a point to that point's member", () => {
    const members = membersOf([1, 1]);
    const ring = createHashRing(members, 50);
    for (const member of members)
      for (const point of ringPoints(member.place, 50)) expect(ring.find(point, members)).toBe(member);
  });

  it("finds nothing among nothing, and nothing among strangers", () => {
    const ring = createHashRing(membersOf([1]), 10);
    expect(ring.find(5, [])).toBeUndefined();
    expect(ring.find(5, [{ place: "stranger", weight: 1 }])).toBeUndefined();
    expect(ring.countOf({ place: "stranger", weight: 1 })).toBe(0);
    expect(createHashRing([], 10).find(5, [])).toBeUndefined();
  });

  it("shares the circle by the weights: within six deviations for any weights, less than 2.1 % of it", () => {
    fc.assert(
      fc.property(weightLists, (weights) => {
        const members = membersOf(weights);
        const ring = createHashRing(members, size);
        const counts = members.map((member) => ring.countOf(member));
        const points = counts.reduce((sum, count) => sum + count, 0);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (const [index, share] of sharesOf(members, counts).entries()) {
          const ideal = (weights[index] ?? 0) / total;
          // Plus what the rounding to whole points, at least one, takes or gives: half a point, one for the least weights.
          const tolerance = 6 * Math.sqrt((ideal * (1 - ideal)) / points) + 2 / size;
          expect(Math.abs(share - ideal)).toBeLessThan(Math.min(tolerance, 0.021) + 4 / size);
        }
      }),
      { numRuns: 30 },
    );
  });

  it.each([[[70, 25, 5]], [[1, 1]], [[1, 1, 1]], [[100, 100, 100, 100]], [[75, 25]], [[65_535, 1]]])(
    "shares the circle by the weights %j within one per cent of it",
    (weights) => {
      const members = membersOf(weights);
      const ring = createHashRing(members, size);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const shares = sharesOf(
        members,
        members.map((member) => ring.countOf(member)),
      );
      for (const [index, weight] of weights.entries())
        expect(Math.abs((shares[index] ?? 0) - weight / total)).toBeLessThan(0.01);
    },
  );

  it("leaves all keys but the lost member's own where they are, out of the candidates or off the ring", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 64, max: 127 }), { minLength: 2, maxLength: 6 }),
        fc.nat(),
        positions,
        (weights, which, places) => {
          const members = membersOf(weights);
          const lost = members[which % members.length];
          const left = members.filter((member) => member !== lost);
          const ring = createHashRing(members, 200);
          const smaller = createHashRing(left, 200);
          for (const position of places) {
            const before = ring.find(position, members);
            if (before !== lost) expect(ring.find(position, left)).toBe(before);
            expect(smaller.find(position, left)).toBe(ring.find(position, left));
          }
        },
      ),
    );
  });

  it("moves keys to the new member only when one is added, or made heavier, below the next power of two", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 90 }),
        positions,
        (others, weight, places) => {
          const members = membersOf([64, ...others]);
          const added = { place: "added", weight };
          const heavier = { place: "added", weight: weight + 30 };
          const rings = [
            createHashRing(members, 200),
            createHashRing([...members, added], 200),
            createHashRing([...members, heavier], 200),
          ] as const;
          for (const position of places) {
            const first = rings[0].find(position, members);
            const second = rings[1].find(position, [...members, added]);
            const third = rings[2].find(position, [...members, heavier]);
            if (second !== first) expect(second).toBe(added);
            if (third !== second) expect(third).toBe(heavier);
          }
        },
      ),
    );
  });

  it("is the same whatever the order of members and candidates, coinciding points included", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }), positions, (order, places) => {
        const members = membersOf([5, 1, 3, 3, 9]);
        const turned = order.flatMap((index) => members[index] ?? []);
        // Points so few and so alike that several members share each.
        const crowded = () => Uint32Array.of(7, 1000, circle - 2);
        for (const pointsOf of [undefined, crowded]) {
          const ring = createHashRing(members, 100, pointsOf);
          const other = createHashRing(turned, 100, pointsOf);
          for (const position of places)
            expect(other.find(position, turned)).toBe(ring.find(position, members));
        }
      }),
    );
  });

  it("gives the heaviest from `size` to twice as many points, and none less than one", () => {
    fc.assert(
      fc.property(weightLists, fc.integer({ min: 10, max: 2000 }), (weights, points) => {
        const members = membersOf(weights);
        const ring = createHashRing(members, points);
        const counts = members.map((member) => ring.countOf(member));
        expect(Math.min(...counts)).toBeGreaterThanOrEqual(1);
        expect(Math.max(...counts)).toBeGreaterThanOrEqual(points);
        expect(Math.max(...counts)).toBeLessThan(2 * points + 1);
      }),
      { numRuns: 30 },
    );
  });

  it("has no more than 2²⁰ points, however many members, and one for each at the least", () => {
    const made: number[] = [];
    const many = membersOf(Array.from({ length: 1000 }, (_, index) => 1 + (index % 100)));
    createHashRing(many, 65_536, (_, count) => {
      made.push(count);
      return Uint32Array.of(1);
    });
    expect(made.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(2 ** 20);
    expect(made.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(2 ** 19 / 1.1);
    expect(Math.min(...made)).toBeGreaterThanOrEqual(1);
  });

  it("gives each id points of its own, ascending; those of a smaller count are among those of a larger", () => {
    const points = ringPoints("one", 1000);
    expect([...points]).toEqual([...points].sort((a, b) => a - b));
    const all = new Set(points);
    for (const point of ringPoints("one", 300)) expect(all.has(point)).toBe(true);
    const others = [...ringPoints("two", 1000)].filter((point) => all.has(point));
    expect(others.length).toBeLessThan(3);
  });

  it("places a key by the bytes of its UTF-8 text", () => {
    expect(ringPosition("abc")).toBe(0x32d153ff);
    expect(ringPosition("grün")).not.toBe(ringPosition("grun"));
  });
});
