import { describe, expect, it } from "vitest";
import { createExchange, type ExchangeFacts } from "../../test/support/exchange.ts";
import { createFakeClock, settled } from "../../test/support/fake-clock.ts";
import { notingPlugin, pluginConfig } from "../../test/support/fake-plugins.ts";
import { rejectionOf } from "../../test/support/gateway-errors.ts";
import type { RunningPlugin } from "../config/snapshot.ts";
import type { Explanation, Plugin } from "../plugins/plugin.ts";
import { type Explain, explainBy, explainPage, maxQuestionSize } from "./explain.ts";

const explanation = (more: Partial<Explanation> = {}): Explanation => ({
  plugin: "chooses",
  pluginId: "plugin-chooses",
  algorithm: "round-robin",
  decision: undefined,
  target: "fake/m0",
  targets: [],
  ...more,
});

function running(name: string, instanceName: string | undefined, hooks: Partial<Plugin>): RunningPlugin {
  const plugin = notingPlugin(name, [], hooks);
  return { key: name, name, plugin, config: pluginConfig(name, () => plugin, { instanceName }) };
}

const plugins = [
  running("a", "first", {
    explain: async ({ body, headers }) => explanation({ target: JSON.stringify([body, headers]) }),
  }),
  running("b", undefined, { explain: async () => explanation({ target: "fake/m1" }) }),
  running("c", "third", {}),
];
const byPlugins: Explain = (question, signal) => explainBy(plugins, question, signal);

function createPage(explain: Explain = byPlugins) {
  const clock = createFakeClock();
  const ask = async (facts: ExchangeFacts) => explainPage(createExchange(facts), explain, clock.schedule);
  const answer = async (body: unknown) => {
    const reply = await ask({ body });
    return { status: reply?.status, ...JSON.parse(String(reply?.body)) };
  };
  return { clock, ask, answer };
}

describe("POST /explain", () => {
  it("asks every plugin that chooses a target, with the request as a client would send it", async () => {
    const { status, explanations } = await createPage().answer({ prompt: "Hi", headers: { "X-A": "1" } });
    expect(status).toBe(200);
    expect(explanations.map(({ target }: Explanation) => target)).toEqual([
      JSON.stringify([{ messages: [{ role: "user", content: "Hi" }] }, { "x-a": "1" }]),
      "fake/m1",
    ]);
  });

  it.each([
    ["first", 1],
    ["plugin-a", 1],
    ["plugin-b", 1],
  ])("asks one alone by its name or id: %s", async (plugin, count) => {
    expect((await createPage().answer({ prompt: "Hi", plugin })).explanations).toHaveLength(count);
  });

  it.each(["third", "nobody"])("says which plugins there are when %s cannot be asked", async (plugin) => {
    const error = await rejectionOf(createPage().answer({ prompt: "Hi", plugin }));
    expect(error).toMatchObject({ status: 404 });
    expect(error.message).toBe(`cannot explain: no plugin is called "${plugin}"; there are: first, plugin-b`);
  });

  it("says so when no plugin of the config chooses a target", async () => {
    const { answer } = createPage((question, signal) => explainBy([], question, signal));
    expect(await rejectionOf(answer({ prompt: "Hi" }))).toMatchObject({
      status: 404,
      message: "cannot explain: no plugin of this config chooses a target",
    });
  });

  it("refuses what is no question, and a body that is too large, without asking anybody", async () => {
    const { ask, answer } = createPage(() => {
      throw new Error("not to be asked");
    });
    expect(await rejectionOf(answer({}))).toMatchObject({ status: 400, code: "bad_question" });
    const large = { body: { prompt: "x".repeat(maxQuestionSize) } };
    for (const headers of [{}, { "content-length": undefined }]) {
      const error = await rejectionOf(ask({ ...large, headers }));
      expect(error).toMatchObject({ status: 413, code: "question_too_large" });
      expect(error.message).toContain(`larger than ${maxQuestionSize} bytes`);
    }
  });

  it("answers 504 when there is no decision in time, and stops what decides", async () => {
    let signal: AbortSignal | undefined;
    const { clock, answer } = createPage((_question, given) => {
      signal = given;
      return new Promise(() => undefined);
    });
    const late = rejectionOf(answer({ prompt: "Hi" }));
    await settled();
    await clock.advance(9_999);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(await late).toMatchObject({ status: 504, code: "explain_timeout" });
    expect(signal?.aborted).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it("stops when whoever asked has left, with the reason the listener knows", async () => {
    const client = new AbortController();
    const gone = new Error("the client is gone");
    const { ask, clock } = createPage(() => new Promise(() => undefined));
    const left = ask({ body: { prompt: "Hi" }, signal: client.signal });
    await settled();
    client.abort(gone);
    await expect(left).rejects.toBe(gone);
    expect(clock.timers).toBe(0);
  });
});
