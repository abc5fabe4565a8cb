/** Requests larger than what the kernel takes for a vendor that reads nothing. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../support/gateway.ts";
import { type ConfigObject, chatUrl, openaiTarget } from "../support/gateway-config.ts";
import { startDeafUpstream, type Upstream } from "../support/http-upstream.ts";

/** Linux takes up to 4 MiB on one side of a connection and 6 MiB on the other. */
const content = "sluice gate ".repeat((16 * 1024 * 1024) / 12);
const body = { messages: [{ role: "user", content }] };

let deaf: Upstream;
let stack: Stack;

beforeAll(async () => {
  deaf = await startDeafUpstream();
  stack = await startStack({
    config: (url) => {
      const chat = (name: string, failoverCriteria: readonly string[]): ConfigObject => ({
        name: "ai-proxy-advanced",
        route: name,
        config: {
          max_request_body_size: 0,
          balancer: { write_timeout: 150, max_fails: 9, failover_criteria: failoverCriteria },
          targets: [
            openaiTarget(chatUrl(deaf.url), { model: "deaf", weight: 65535 }),
            openaiTarget(chatUrl(url), { model: "good", weight: 1 }),
          ],
        },
      });
      const plain = { name: "plain", url: deaf.url, write_timeout: 150 };
      return {
        _format_version: "3.0",
        services: [{ ...plain, routes: [{ name: "plain", paths: ["/plain"] }] }],
        routes: ["once", "again"].map((name) => ({ name, paths: [`/${name}`] })),
        plugins: [chat("once", ["error", "timeout"]), chat("again", ["timeout", "non_idempotent"])],
      };
    },
  });
});
beforeEach(() => stack.simulator.reset());
afterAll(async () => {
  await stack.close();
  await deaf.close();
});

describe("an upload that the vendor does not take", () => {
  it("goes whole to the next target where non_idempotent is listed", async () => {
    const answer = await stack.send({ path: "/again", body });
    expect(answer.status).toBe(200);
    expect(answer.headers["x-kong-llm-model"]).toBe("openai/good");
    const { ai } = await answer.record();
    expect(ai?.proxy.tried_targets).toMatchObject([
      { model: "deaf", failure: "write_timeout", failure_kind: "timeout" },
      { model: "good", status: 200 },
    ]);
    const bodies = stack.simulator.received().map((call) => call.body as typeof body); // that, and the target's options
    // No matcher: a difference of 16 MiB is not for reading.
    expect(bodies.map(({ messages }) => messages[0]?.content === content)).toEqual([true]);
  });

  it("is a 504 by default, since some of it was sent", async () => {
    const answer = await stack.send({ path: "/once", body });
    expect(answer.status).toBe(504);
    const { ai } = await answer.record();
    expect(ai?.proxy.tried_targets).toMatchObject([{ model: "deaf", failure: "write_timeout" }]);
    expect(stack.simulator.received()).toEqual([]);
  });

  it("is a 504 of a plain service too", async () => {
    const answer = await stack.send({ path: "/plain", body });
    expect(answer.status).toBe(504);
    const { tries } = await answer.record();
    expect(tries).toMatchObject([{ failure: "timeout" }]);
  });
});
