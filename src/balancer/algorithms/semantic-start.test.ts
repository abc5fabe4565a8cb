import { describe, expect, it } from "vitest";
import { createTargets } from "../../../test/support/balancing.ts";
import { rejectionOf } from "../../../test/support/gateway-errors.ts";
import { createSemantic, towards } from "../../../test/support/semantic-balancer.ts";
import { EmbeddingError } from "../../embedders/embedding-error.ts";

const embedder = { vectors: { python: towards(1, 0), it: towards(0, 1), "near it": towards(0.2, 0.8) } };

const three = createTargets([
  { name: "py", description: "python" },
  { name: "it", description: "it" },
  { name: "any", description: "CATCHALL" },
]);

const down = () => new EmbeddingError("vendor", "fake answered 503", { status: 503, isRetryable: true });
const never = new AbortController().signal;

describe("semantic routing without embedded descriptions", () => {
  it("falls back until they are embedded, says so once per try, and then works", async () => {
    const setup = createSemantic(three, { embedder });
    const { balancer, clock, embedder: fake, log, route, ask } = setup;
    fake.failNext(down(), 4);
    const started = balancer.start?.(never);
    await clock.advance(60_000);
    await started;
    const complaint = log.lines.find(({ message }) => message.includes("falls back"));
    expect(complaint).toMatchObject({
      level: "warn",
      facts: { reason: "fake answered 503", retryInMs: 1000 },
    });
    // The clock has already run past the first retry, which found the embedder in order.
    expect(await route("near it")).toBe("it");
    expect((await ask(["near it"])).decision?.reason).toBe("matched");
    expect(clock.timers).toBe(0);
  });

  it("falls back before the start has ended", async () => {
    const { ask, balancer } = createSemantic(three, { embedder });
    const request = await ask(["near it"]);
    expect(request.decision).toMatchObject({
      reason: "fallback",
      detail: "the descriptions are not embedded yet",
    });
    expect(balancer.pick(three, request)?.name).toBe("any");
  });

  it("answers 503 meanwhile where on_error is fail", async () => {
    const { ask } = createSemantic(three, { embedder, settings: { onError: "fail" } });
    expect(await rejectionOf(ask(["near it"]))).toMatchObject({ code: "routing_unavailable", status: 503 });
  });

  it("tries again for as long as it takes", async () => {
    const { balancer, clock, embedder: fake, ask } = createSemantic(three, { embedder });
    fake.failNext(down(), 12);
    const started = balancer.start?.(never);
    await clock.advance(1_000_000);
    await started;
    expect(fake.calls.filter(([first]) => first === "python").length).toBe(13);
    expect((await ask(["near it"])).decision?.reason).toBe("matched");
  });

  it("waits a second, then longer, at most ten, or as long as the vendor asks within that", async () => {
    const { balancer, clock, embedder: fake, log } = createSemantic(three, { embedder });
    const gone = new EmbeddingError("vendor", "fake cannot be reached", { isRetryable: true });
    fake.failNext(gone, 12);
    fake.failNext(
      new EmbeddingError("vendor", "later", { status: 429, isRetryable: true, retryAfterMs: 99_000 }),
    );
    const started = balancer.start?.(never);
    await clock.advance(500);
    await started; // nobody answers: a second try, and the rest without anybody who waits
    await clock.advance(100_000);
    const waits = log.lines
      .filter(({ message }) => message.includes("falls back"))
      .map(({ facts }) => facts?.["retryInMs"]);
    expect(waits).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
  });

  it("stops trying when it is closed, also when the first try is still under way", async () => {
    const waiting = createSemantic(three, { embedder });
    waiting.embedder.failNext(down(), 100);
    const started = waiting.balancer.start?.(never);
    await waiting.clock.advance(9_000);
    await started;
    waiting.balancer.close?.();
    expect(waiting.clock.timers).toBe(0);

    const trying = createSemantic(three, { embedder });
    trying.embedder.failNext(down(), 100);
    const under = trying.balancer.start?.(never);
    trying.balancer.close?.();
    await trying.clock.advance(600_000);
    await under;
    expect(trying.embedder.calls.length).toBeLessThanOrEqual(4);
    expect(trying.clock.timers).toBe(0);
  });

  it("rejects its start only when it is told to stop", async () => {
    const { balancer, embedder: fake } = createSemantic(three, { embedder });
    fake.latencyMs = 1000;
    const stopping = new AbortController();
    const started = balancer.start?.(stopping.signal);
    stopping.abort(new Error("the gateway is stopping"));
    await expect(started).rejects.toThrow();
  });
});
