import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBalanceRequest, createTargets } from "../../../test/support/balancing.ts";
import { startSemantic, towards } from "../../../test/support/semantic-balancer.ts";
import { describeBalancer } from "../balancer.contract.ts";
import type { Balancer } from "../balancer.ts";

describeBalancer("semantic", {
  create: async (targets) => (await startSemantic(targets, { settings: { threshold: 2 } })).balancer,
  facts: (index) => ({ description: index % 3 === 2 ? "CATCHALL" : `topic ${index % 3}` }),
});

/** python on the first axis, IT on the second, cooking on the third; prompts are named for where they lie. */
const vectors = {
  python: towards(1, 0, 0),
  it: towards(0, 1, 0),
  cooking: towards(0, 0, 1),
  "near python": towards(0.6, 0.4, 0.1),
  "near it": towards(0.35, 0.8, 0),
  "python alone": towards(0.5, 0.2, 0.1),
  "near nothing": towards(0.1, 0.2, 0.05),
  "between python and it": towards(0.5, 0.5, 0),
};
const embedder = { vectors };

const three = createTargets([
  { name: "py", description: "python" },
  { name: "it", description: "it" },
  { name: "any", description: "CATCHALL" },
]);

describe("the semantic choice", () => {
  it("sends each prompt to the nearest group", async () => {
    const { route } = await startSemantic(three, { embedder });
    expect(await route("near python")).toBe("py");
    expect(await route("near it")).toBe("it");
    expect(await route("near nothing")).toBe("any");
  });

  it("takes a distance that is just the threshold for a match, and one above it for none", async () => {
    // In halves and quarters, so that distance and threshold are exact in single precision.
    const exact = {
      vectors: { python: [1, 0, 0, 0], edge: [0.5, 0.5, 0.5, 0.5], past: [0.4999, 0.5, 0.5, 0.5001] },
    };
    const targets = createTargets([
      { name: "py", description: "python" },
      { name: "any", description: "CATCHALL" },
    ]);
    const { ask, route } = await startSemantic(targets, { embedder: exact, settings: { threshold: 0.5 } });
    expect(await route("edge")).toBe("py");
    expect((await ask(["edge"])).decision).toMatchObject({
      reason: "matched",
      groups: [{ within: true, distance: 0.5 }],
    });
    expect(await route("past")).toBe("any");
    expect((await ask(["past"])).decision).toMatchObject({ reason: "catchall", groups: [{ within: false }] });
  });

  it("breaks a tie by the higher weight, then by the order of the file", async () => {
    const even = createTargets([
      { name: "py", description: "python" },
      { name: "it", description: "it" },
    ]);
    expect(await (await startSemantic(even, { embedder })).route("between python and it")).toBe("py");
    const heavier = createTargets([
      { name: "py", description: "python", weight: 5 },
      { name: "it", description: "it", weight: 1 },
      { name: "it2", description: "it", weight: 6 },
    ]);
    const { order } = await startSemantic(heavier, { embedder });
    expect(await order("between python and it")).toEqual(["it2", "it", "py"]);
  });

  it("takes CATCHALL literally, never as a text to be near to", async () => {
    const { route, embedder: fake } = await startSemantic(three, {
      embedder: { vectors: { ...vectors, CATCHALL: towards(0, 0, 1), "like the word": towards(0, 0, 1) } },
    });
    expect(await route("like the word")).toBe("any");
    expect(fake.calls.flat()).not.toContain("CATCHALL");
  });

  it("shares inside a group by weight, 75 to 25", async () => {
    const targets = createTargets([
      { name: "big", description: "python", weight: 75 },
      { name: "small", description: "python", weight: 25 },
      { name: "any", description: "CATCHALL" },
    ]);
    const { route } = await startSemantic(targets, { embedder });
    const picks: (string | undefined)[] = [];
    for (let round = 0; round < 100; round++) picks.push(await route("near python"));
    expect(picks.filter((name) => name === "big")).toHaveLength(75);
    expect(picks.filter((name) => name === "small")).toHaveLength(25);
    expect(picks.slice(0, 4).sort()).toEqual(["big", "big", "big", "small"]);
  });

  it("shares between several CATCHALL targets too", async () => {
    const targets = createTargets([
      { name: "py", description: "python" },
      { name: "a", description: "CATCHALL" },
      { name: "b", description: " CATCHALL " },
    ]);
    const { route } = await startSemantic(targets, { embedder });
    const picks = [await route("near nothing"), await route("near nothing"), await route("near nothing")];
    expect(picks).toEqual(["a", "b", "a"]);
  });

  it("starts with the heaviest each time where the group's policy is strict", async () => {
    const targets = createTargets([
      { name: "small", description: "python", weight: 25 },
      { name: "big", description: "python", weight: 75 },
      { name: "any", description: "CATCHALL" },
    ]);
    const { route, order } = await startSemantic(targets, { embedder, settings: { groupPolicy: "strict" } });
    for (let round = 0; round < 5; round++) expect(await route("near python")).toBe("big");
    expect(await order("near python")).toEqual(["big", "small", "any"]);
  });
});

describe("the semantic order of failover", () => {
  const targets = createTargets([
    { name: "py-10", description: "python", weight: 10 },
    { name: "py-30", description: "python", weight: 30 },
    { name: "py-20", description: "python", weight: 20 },
    { name: "cook", description: "cooking", weight: 90 },
    { name: "it", description: "it", weight: 1 },
    { name: "any-1", description: "CATCHALL", weight: 1 },
    { name: "any-9", description: "CATCHALL", weight: 9 },
  ]);

  it("goes down the weights of the group, then to the next-nearest within the threshold, then to CATCHALL", async () => {
    const { order } = await startSemantic(targets, { embedder });
    // The first of a group is its turn's; 30 leads from a fresh start. Cooking lies beyond the threshold.
    expect(await order("near python")).toEqual(["py-30", "py-20", "py-10", "it", "any-9", "any-1"]);
  });

  it("never reaches a group beyond the threshold", async () => {
    const { order } = await startSemantic(
      targets.filter(({ description }) => description !== "CATCHALL"),
      { embedder },
    );
    expect(await order("python alone")).toEqual(["py-30", "py-20", "py-10"]);
  });

  it("goes on by weight after a light target had its turn first", async () => {
    const pair = createTargets([
      { name: "a", description: "python", weight: 1 },
      { name: "b", description: "python", weight: 1 },
      { name: "c", description: "python", weight: 1 },
      { name: "any", description: "CATCHALL" },
    ]);
    const { order } = await startSemantic(pair, { embedder });
    expect(await order("near python")).toEqual(["a", "b", "c", "any"]);
    expect(await order("near python")).toEqual(["b", "a", "c", "any"]);
  });

  it("keeps one request's failover out of another's turn", async () => {
    const { balancer, ask } = await startSemantic(targets, { embedder });
    const first = await ask(["near python"]);
    const second = await ask(["near python"]);
    expect(balancer.pick(targets, first)?.name).toBe("py-30");
    expect(balancer.pick(targets, second)?.name).toBe("py-20");
    expect(balancer.pick(targets.slice(0, 1), second)?.name).toBe("py-10");
  });
});

describe("the semantic decision", () => {
  it("tells every group nearest first, the margin, the threshold and how the vector was had", async () => {
    const { ask, embedder: fake } = await startSemantic(three, { embedder });
    fake.tokensPerText = 7;
    const { decision } = await ask(["near it"]);
    expect(decision).toMatchObject({
      reason: "matched",
      threshold: 0.7,
      metric: "cosine",
      groups: [
        { description: "it", targets: ["it"], within: true },
        { description: "python", targets: ["py"], within: true },
      ],
      embedding: { model: "fixed", cached: false, latencyMs: 0, inputTokens: 7 },
    });
    expect(decision?.groups[0]?.distance).toBeCloseTo(0.2, 5);
    expect(decision?.groups[1]?.distance).toBeCloseTo(0.65, 5);
    expect(decision?.margin).toBeCloseTo(0.45, 5);
    expect(decision).not.toHaveProperty("inherited");
  });

  it("has no margin where there is one group", async () => {
    const { ask } = await startSemantic(
      three.filter(({ name }) => name !== "it"),
      { embedder },
    );
    expect((await ask(["near it"])).decision).not.toHaveProperty("margin");
  });

  it("says no_match and gives nothing to pick where nothing is near and there is no CATCHALL", async () => {
    const targets = three.slice(0, 2);
    const { ask, balancer } = await startSemantic(targets, { embedder });
    const request = await ask(["near nothing"]);
    expect(request.decision).toMatchObject({
      reason: "no_match",
      threshold: 0.7,
      groups: [{ description: "it" }, { description: "python" }],
    });
    expect(request.decision?.groups.map(({ within }) => within)).toEqual([false, false]);
    expect(balancer.pick(targets, request)).toBeUndefined();
  });

  it("says no_match, of the groups asked for, where the request's models do not fit the prompt", async () => {
    const targets = createTargets([
      { name: "py", description: "python" },
      { name: "it", description: "it" },
      { name: "cook", description: "cooking" },
      { name: "any", description: "CATCHALL" },
    ]);
    const { ask, balancer } = await startSemantic(targets, { embedder });
    const asked = targets.filter(({ name }) => name === "it" || name === "cook");
    const request = await ask(["python alone"], asked);
    expect(request.decision?.reason).toBe("matched");
    expect(balancer.pick(asked, request)).toBeUndefined();
    expect(request.decision).toMatchObject({
      reason: "no_match",
      threshold: 0.7,
      groups: [
        { description: "it", within: false },
        { description: "cooking", within: false },
      ],
    });
  });

  it("orders groups alike by both metrics, and says each in its own numbers", async () => {
    const plain = await startSemantic(three, { embedder, settings: { threshold: 1 } });
    const euclid = await startSemantic(three, { embedder, settings: { threshold: 1, metric: "euclidean" } });
    for (const prompt of ["near python", "near it", "near nothing"]) {
      const a = (await plain.ask([prompt])).decision;
      const b = (await euclid.ask([prompt])).decision;
      expect(b?.groups.map(({ description }) => description)).toEqual(
        a?.groups.map(({ description }) => description),
      );
    }
    const { decision } = await euclid.ask(["near python"]);
    const length = Math.sqrt(2 - 2 * 0.6);
    expect(decision?.groups[0]?.distance).toBeCloseTo(length / (1 + length), 5);
    expect(decision?.metric).toBe("euclidean");
  });

  it("holds to nearest-within-threshold wherever prompts and groups lie", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 0.5, noNaN: true }), { minLength: 4, maxLength: 4 }),
        fc.double({ min: 0.4, max: 1.2, noNaN: true }),
        async (cosines, threshold) => {
          const axes = cosines.map((_, axis) => cosines.map((__, at) => (at === axis ? 1 : 0)));
          const descriptions = Object.fromEntries(axes.map((axis, at) => [`d${at}`, towards(...axis)]));
          const targets = createTargets([
            ...cosines.map((_, at) => ({ name: `${at}`, description: `d${at}` })),
            { name: "any", description: "CATCHALL" },
          ]);
          const { order } = await startSemantic(targets, {
            settings: { threshold },
            embedder: { vectors: { ...descriptions, prompt: towards(...cosines) } },
          });
          const exact = cosines.map(Math.fround); // vectors are held in single precision
          const isClear = exact.every((cosine) => Math.abs(1 - cosine - threshold) > 1e-5);
          fc.pre(isClear);
          const names = await order("prompt");
          const within = exact
            .map((cosine, at) => ({ at, distance: 1 - cosine }))
            .filter((g) => g.distance <= threshold);
          expect(new Set(names)).toEqual(new Set([...within.map(({ at }) => `${at}`), "any"]));
          expect(names.at(-1)).toBe("any");
          const distances = names.slice(0, -1).map((name) => 1 - (exact[Number(name)] ?? 0));
          for (const [at, distance] of distances.entries()) {
            expect(distance).toBeGreaterThanOrEqual((distances[at - 1] ?? 0) - 1e-6);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("another algorithm inside a group", () => {
  const twins = createTargets([
    { name: "first", description: "python" },
    { name: "second", description: "python" },
    { name: "any", description: "CATCHALL" },
  ]);

  it("chooses among the members, is told of attempts, and shows its scores", async () => {
    const told: string[] = [];
    const inner: Balancer = {
      pick: (candidates) => candidates.at(-1),
      started: (target) => told.push(`started ${target.name}`),
      observe: (target, { ok }) => told.push(`${target.name} ${ok}`),
      describeTarget: ({ index }) => ({ score: index }),
    };
    const { balancer, order } = await startSemantic(twins, { embedder, inner });
    expect(await order("near python")).toEqual(["second", "first", "any"]);
    const [first] = twins;
    if (first === undefined) throw new Error("no target");
    balancer.started?.(first, createBalanceRequest());
    balancer.observe?.(first, { ok: false, failure: "error", latencyMs: 1 });
    expect(told).toEqual(["started first", "first false"]);
    expect(balancer.describeTarget?.(first)).toEqual({ score: 0 });
  });
});
