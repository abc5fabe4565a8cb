import { describe, expect, it } from "vitest";
import { createTargets } from "../../../test/support/balancing.ts";
import { startSemantic, towards } from "../../../test/support/semantic-balancer.ts";
import { EmbeddingError } from "../../embedders/embedding-error.ts";

const nothing = towards(0, 0);
const embedder = {
  vectors: {
    python: towards(1, 0),
    it: towards(0, 1),
    "How do I write a function in Python?": towards(0.8, 0.1),
    "yes, go on": nothing,
    "and then?": nothing,
    "my VPN is down": towards(0.1, 0.7),
    "What is the weather like in Berlin today?": nothing,
    "please explain that in much more detail": nothing,
  },
};
const question = "How do I write a function in Python?";

const three = createTargets([
  { name: "py", description: "python" },
  { name: "it", description: "it" },
  { name: "any", description: "CATCHALL" },
]);

describe("a short message that matches no group", () => {
  it("follows the message before it, and the decision says so", async () => {
    const { ask, balancer } = await startSemantic(three, { embedder });
    const request = await ask(["yes, go on", question]);
    expect(request.decision).toMatchObject({ reason: "matched", inherited: true });
    expect(request.decision?.groups[0]).toMatchObject({ description: "python", within: true });
    expect(balancer.pick(three, request)?.name).toBe("py");
  });

  it("follows over several short messages", async () => {
    const { route } = await startSemantic(three, { embedder });
    expect(await route("and then?", "yes, go on", "yes, go on", question)).toBe("py");
  });

  it("goes to CATCHALL as the first message of a conversation", async () => {
    const { ask } = await startSemantic(three, { embedder });
    const { decision } = await ask(["yes, go on"]);
    expect(decision?.reason).toBe("catchall");
    expect(decision).not.toHaveProperty("inherited");
  });

  it("is routed by itself when it matches a group", async () => {
    const { ask, route } = await startSemantic(three, { embedder });
    expect((await ask(["my VPN is down", question])).decision).not.toHaveProperty("inherited");
    expect(await route("my VPN is down", question)).toBe("it");
  });

  it("inherits nothing from a message that matches nothing itself", async () => {
    const { ask } = await startSemantic(three, { embedder });
    const { decision } = await ask(["yes, go on", "What is the weather like in Berlin today?", question]);
    expect(decision?.reason).toBe("catchall");
    expect(decision).not.toHaveProperty("inherited");
  });

  it("looks back five messages and no further", async () => {
    const { route, embedder: fake } = await startSemantic(three, { embedder });
    const short = (count: number) => Array.from({ length: count }, (_, index) => `ok ${index}`);
    const vectors = Object.fromEntries(short(9).map((text) => [text, nothing]));
    const long = await startSemantic(three, { embedder: { vectors: { ...embedder.vectors, ...vectors } } });
    expect(await long.route(...short(5), question)).toBe("py");
    expect(await long.route(...short(6), question)).toBe("any");
    expect(fake.calls).toHaveLength(1);
    expect(await route("yes, go on", question)).toBe("py");
  });

  it("does not inherit where the setting says so", async () => {
    const { route, embedder: fake } = await startSemantic(three, {
      embedder,
      settings: { inheritFollowUps: false },
    });
    expect(await route("yes, go on", question)).toBe("any");
    expect(fake.calls.at(-1)).toEqual(["yes, go on"]);
  });

  it("falls back when the message it follows cannot be embedded", async () => {
    const { ask, embedder: fake } = await startSemantic(three, { embedder });
    await ask(["yes, go on"]);
    fake.failNext(new EmbeddingError("vendor", "fake answered 500", { status: 500, isRetryable: true }));
    expect((await ask(["yes, go on", question])).decision).toMatchObject({
      reason: "fallback",
      detail: "fake answered 500",
    });
  });

  it("is no follow-up where nothing but CATCHALL was ever within reach and there is none", async () => {
    const { ask } = await startSemantic(three.slice(0, 2), { embedder });
    expect((await ask(["yes, go on"])).decision?.reason).toBe("no_match");
    expect((await ask(["yes, go on", question])).decision).toMatchObject({
      reason: "matched",
      inherited: true,
    });
  });
});

describe("a longer message that matches no group", () => {
  it("is routed by itself", async () => {
    const { route } = await startSemantic(three, { embedder });
    expect(await route("please explain that in much more detail", question)).toBe("any");
  });

  it("is told from a short one by its words and by its length", async () => {
    const texts = {
      "a b c d": nothing,
      "a b c d e": nothing,
      [`${"x".repeat(61)}`]: nothing,
      [`${"y".repeat(60)}`]: nothing,
    };
    const { route } = await startSemantic(three, {
      embedder: { vectors: { ...embedder.vectors, ...texts } },
    });
    expect(await route("a b c d", question)).toBe("py");
    expect(await route("a b c d e", question)).toBe("any");
    expect(await route("y".repeat(60), question)).toBe("py");
    expect(await route("x".repeat(61), question)).toBe("any");
  });
});
