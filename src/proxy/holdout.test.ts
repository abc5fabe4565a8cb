/** The random share of requests that goes to the baseline. */
import { describe, expect, it } from "vitest";
import { startChat } from "../../test/support/chat.ts";
import { completion } from "../../test/support/fake-upstream.ts";
import { createProxyTarget } from "../../test/support/proxy-targets.ts";

/** The second is the dearest. */
const targets = [
  createProxyTarget(0, { weight: 1_000, options: { input_cost: 1, output_cost: 2 } }),
  createProxyTarget(1, { weight: 1, options: { input_cost: 10, output_cost: 20 } }),
];
const answer = { body: completion("hi") };

async function ask(holdout: number, id: string, more: object = {}) {
  const chat = startChat(targets, { holdout, id, answers: [answer, answer], ...more });
  await chat.reply;
  return chat.exchange.ai;
}

describe("a share of requests that is held out", () => {
  it("goes to the baseline, by the request's id, in that proportion", async () => {
    let heldOut = 0;
    for (let number = 0; number < 2_000; number++) {
      const facts = await ask(0.1, `request-${number}`);
      const isHeldOut = facts?.isHeldOut === true;
      if (isHeldOut) heldOut++;
      expect(facts?.requestModel).toBe(isHeldOut ? "m1" : "m0");
      expect(facts?.decision?.reason).toBe(isHeldOut ? "holdout" : "balanced");
    }
    // Binomial: 200 ± 4 standard deviations of 13.4.
    expect(heldOut).toBeGreaterThan(146);
    expect(heldOut).toBeLessThan(254);
  });

  it("is the same for the same id", async () => {
    const first = await ask(0.5, "some id");
    for (let time = 0; time < 5; time++)
      expect((await ask(0.5, "some id"))?.isHeldOut).toBe(first?.isHeldOut);
  });

  it("is nobody where none is asked for, or the client wants another model", async () => {
    expect(await ask(0, "x")).not.toHaveProperty("isHeldOut");
    const body = { model: "m0", messages: [{ role: "user", content: "hi" }] };
    expect(await ask(1, "x", { body })).not.toHaveProperty("isHeldOut");
  });

  it("is answered by others where the baseline fails, and still counts as held out", async () => {
    const facts = await ask(1, "x", {
      answers: [{ status: 500, body: "{}" }, answer],
      criteria: ["http_500", "non_idempotent"],
    });
    expect(facts).toMatchObject({ isHeldOut: true, requestModel: "m0" });
    expect(facts?.tried.map(({ model }) => model)).toEqual(["m1", "m0"]);
  });

  it("knows what its answer would have cost elsewhere", async () => {
    const facts = await ask(0, "x");
    expect(facts?.costUsd).toBe((10 * 1 + 5 * 2) / 1e6);
    expect(facts?.baselines).toEqual([
      { name: "strongest", costPicoUsd: 200_000_000 },
      { name: "cheapest", costPicoUsd: 20_000_000 },
      { name: "target:openai/m0", costPicoUsd: 20_000_000 },
      { name: "target:openai/m1", costPicoUsd: 200_000_000 },
    ]);
  });
});
