/** What exchanges cost: the record's figure is the formula's, by what the vendor counted. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toPicoUsd } from "../../src/accounting/money.ts";
import { type Stack, startStack } from "../support/gateway.ts";
import { anthropicTarget, chatUrl, openaiTarget, routesConfig } from "../support/gateway-config.ts";

const prices = {
  input_cost: 3,
  output_cost: 15,
  cache_read_cost: 0.3,
  context_window_factor: [
    { above: "5", input_factor: 2, output_factor: 1.5 },
    { above: "1k", input_factor: 100, output_factor: 100 },
  ],
  // The first is what one vendor calls its usual tier, the second the other's.
  service_tier_factor: [
    { tier: "DEFAULT", factor: 0.5 },
    { tier: "Standard", factor: 0.25 },
  ],
};
const cachedTokens = 4;
const messages = [{ role: "user", content: "Tell me about the sea, the wind and the old lighthouse" }];

describe("the cost of an exchange", () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      simulator: { behaviour: { cachedTokens } },
      config: (simulator) =>
        routesConfig({
          chat: { targets: [openaiTarget(chatUrl(simulator), { options: prices })] },
          claude: { targets: [anthropicTarget(`${simulator}/v1/messages`, { options: prices })] },
          unpriced: { targets: [openaiTarget(chatUrl(simulator))] },
        }),
    });
  });
  afterAll(() => stack.close());

  it.each([
    ["/chat", false, 0.5],
    ["/chat", true, 0.5],
    ["/claude", false, 0.25],
    ["/claude", true, undefined], // streams of the simulated vendor name no tier
  ])("on %s (stream: %s) counts cache, context and tier", async (path, stream, tierFactor = 1) => {
    const answer = await stack.send({ path, body: { messages, stream } });
    const usage = (await answer.record()).ai?.proxy.usage;
    expect(usage).toMatchObject({
      prompt_tokens_details: { cached_tokens: cachedTokens },
      cost_known: true,
      price_source: "config",
    });
    const { prompt_tokens: input = 0, completion_tokens: output = 0, cost = -1 } = usage ?? {};
    expect(input).toBeGreaterThan(5);
    const inMillionths = 2 * ((input - cachedTokens) * 3 + cachedTokens * 0.3) + 1.5 * output * 15;
    expect(toPicoUsd(cost)).toBe(Math.round(tierFactor * inMillionths * 1e6));
  });

  it("behind another host than the vendor's is unknown without prices of one's own, though the table has the model", async () => {
    const answer = await stack.send({ path: "/unpriced", body: { messages } });
    const usage = (await answer.record()).ai?.proxy.usage;
    expect(usage).toMatchObject({ cost: 0, cost_known: false });
    expect(usage?.price_source).toBeUndefined();
  });
});
