import { describe, expect, it } from "vitest";
import {
  createBalanceRequest,
  createBalancerServices,
  createTargets,
  defaultSettings,
} from "../../../test/support/balancing.ts";
import { startSemantic, towards } from "../../../test/support/semantic-balancer.ts";
import { semantic } from "./semantic.ts";

/** python on the first axis, IT on the second, cooking on the third; prompts are named for where they lie. */
const vectors = {
  python: towards(1, 0, 0),
  it: towards(0, 1, 0),
  "near python": towards(0.6, 0.4, 0.1),
  "near it": towards(0.35, 0.8, 0),
  "near nothing": towards(0.1, 0.2, 0.05),
};
const embedder = { vectors };

const three = createTargets([
  { name: "py", description: "python" },
  { name: "it", description: "it" },
  { name: "any", description: "CATCHALL" },
]);

describe("what the semantic algorithm embeds", () => {
  it("embeds the last message alone by default", async () => {
    const { ask, embedder: fake } = await startSemantic(three, { embedder });
    await ask(["near python", "near it"]);
    expect(fake.calls.at(-1)).toEqual(["near python"]);
  });

  it("embeds so many last messages together, oldest first, where message_countback says so", async () => {
    const { ask, embedder: fake } = await startSemantic(three, {
      embedder,
      settings: { messageCountback: 2 },
    });
    await ask(["third", "second", "first"]);
    expect(fake.calls.at(-1)).toEqual(["second\nthird"]);
    await ask(["only"]);
    expect(fake.calls.at(-1)).toEqual(["only"]);
  });

  it("embeds equal prompts once, also when they come at the same time", async () => {
    const { ask, embedder: fake, clock } = await startSemantic(three, { embedder });
    const before = fake.calls.length;
    fake.latencyMs = 5;
    const both = Promise.all([ask(["near python"]), ask(["near python"])]);
    await clock.advance(5);
    expect((await both).map(({ decision }) => decision?.reason)).toEqual(["matched", "matched"]);
    const { decision } = await ask(["near python"]);
    expect(fake.calls).toHaveLength(before + 1);
    expect(decision?.embedding).toMatchObject({ cached: true, latencyMs: 0 });
  });

  it("decides at once, without a promise, where the embedder and the store need none", async () => {
    const { balancer } = await startSemantic(three, { embedder: { ...embedder, isLocal: true } });
    const request = createBalanceRequest(["near it"]);
    expect(balancer.prepare?.(three, request)).toBeUndefined();
    expect(balancer.pick(three, request)?.name).toBe("it");
  });

  it("embeds nothing where the candidates are one group", async () => {
    const { ask, balancer, embedder: fake } = await startSemantic(three, { embedder });
    const before = fake.calls.length;
    const candidates = three.slice(1, 2);
    const request = await ask(["near python"], candidates);
    expect(request.decision).toMatchObject({ reason: "only", groups: [] });
    expect(balancer.pick(candidates, request)?.name).toBe("it");
    expect(fake.calls).toHaveLength(before);
  });

  it("sends a request without any text to CATCHALL, and without CATCHALL to the cheapest", async () => {
    const { ask, route, embedder: fake } = await startSemantic(three, { embedder });
    const before = fake.calls.length;
    expect((await ask([])).decision?.reason).toBe("catchall");
    expect(await route()).toBe("any");
    expect(fake.calls).toHaveLength(before);
    const priced = createTargets([
      { name: "dear", description: "python", inputCost: 5, outputCost: 5 },
      { name: "cheap", description: "it", inputCost: 1, outputCost: 1 },
    ]);
    const bare = await startSemantic(priced, { embedder });
    expect((await bare.ask([])).decision).toMatchObject({
      reason: "fallback",
      detail: "the request has no text to route on",
    });
    expect(await bare.route()).toBe("cheap");
  });

  it("lets examples bring their group nearer", async () => {
    const described = {
      ...vectors,
      "fix my script": towards(0.2, 0, 0.3),
      "like the example": towards(0.25, 0.3, 0.3),
    };
    const without = createTargets([{ description: "python" }, { description: "it" }]);
    const having = createTargets([
      { description: "python", examples: ["fix my script"] },
      { description: "it" },
    ]);
    const distance = async (targets: typeof three) => {
      const { ask } = await startSemantic(targets, { embedder: { vectors: described } });
      return (
        (await ask(["like the example"])).decision?.groups.find((g) => g.description === "python")
          ?.distance ?? 9
      );
    };
    expect(await distance(without)).toBeCloseTo(0.75, 5);
    expect(await distance(having)).toBeLessThan(0.5);
  });

  it("measures on the embedder's own scale where it has one, and tells it how many examples there are", async () => {
    const seen: number[] = [];
    const calibrate = (cosine: number, { examples }: { readonly examples: number }) => {
      seen.push(examples);
      return cosine / 2;
    };
    const targets = createTargets([
      { name: "py", description: "python", examples: ["a", "b"] },
      { description: "it" },
      { description: "CATCHALL" },
    ]);
    const { ask } = await startSemantic(targets, { embedder, calibrate });
    const { decision } = await ask(["near it"]);
    expect(decision?.groups[0]).toMatchObject({ description: "it", within: true });
    expect(decision?.groups[0]?.distance).toBeCloseTo(0.6, 5);
    expect(seen.sort()).toEqual([0, 2]);
  });
});

describe("what the embedding of a prompt cost", () => {
  const costs = async (options: Parameters<typeof startSemantic>[1], ...prompts: string[]) => {
    const { ask, embedder: fake } = await startSemantic(three, { embedder, ...options });
    fake.tokensPerText = 1_000;
    const requests = await Promise.all(prompts.map((prompt) => ask([prompt])));
    return requests.map(({ decision }) => decision?.embedding);
  };
  const settings = { embeddingCost: 0.02 };

  it("is in the decision; a prompt that was cached, or embedded for another request, cost nothing", async () => {
    const { ask, embedder: fake } = await startSemantic(three, { embedder, settings });
    fake.tokensPerText = 1_000;
    const both = await Promise.all([ask(["near it"]), ask(["near it"])]);
    expect(both.map(({ decision }) => decision?.embedding)).toMatchObject([
      { inputTokens: 1_000, costUsd: 0.00002 },
      { inputTokens: 0, costUsd: 0 },
    ]);
    expect((await ask(["near it"])).decision?.embedding).toMatchObject({ cached: true, costUsd: 0 });
  });

  it("is unknown without a price", async () => {
    const [embedding] = await costs({}, "near it");
    expect(embedding).toMatchObject({ inputTokens: 1_000 });
    expect(embedding).not.toHaveProperty("costUsd");
  });

  it("is nothing inside the process", async () => {
    const [embedding] = await costs({ embedder: { ...embedder, isLocal: true } }, "near it");
    expect(embedding).toMatchObject({ cached: false, costUsd: 0 });
  });
});

describe("several semantic balancers in one process", () => {
  it("share what was embedded and keep their own groups and turns", async () => {
    const one = await startSemantic(three, { embedder });
    const other = await startSemantic(three.slice(1), { shared: one, namespace: "plugin-2" });
    expect(one.embedder.calls).toEqual([["python", "it"]]);
    expect(await one.route("near python")).toBe("py");
    expect(await other.route("near python")).toBe("it");
    expect(one.embedder.calls).toEqual([["python", "it"], ["near python"]]);
    expect(one.registry.stats()).toHaveLength(1);
  });

  it("refuse to be made without what they need", () => {
    expect(() => semantic.create(defaultSettings, three, createBalancerServices())).toThrow(/embedder/);
  });
});
