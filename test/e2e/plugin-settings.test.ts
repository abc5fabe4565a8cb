/** Settings that plugins share, as clients see them. */
import { afterEach, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../support/gateway.ts";
import { type ConfigObject, chatUrl, targetKey } from "../support/gateway-config.ts";

let stack: Stack | undefined;
afterEach(() => stack?.close());

const services = [{ name: "llm", url: "http://localhost:1", routes: [{ name: "chat", paths: ["/chat"] }] }];

describe("a model that is a partial", () => {
  const config = (simulator: string, name: string): ConfigObject => ({
    _format_version: "3.0",
    services,
    partials: [
      {
        name: "the-model",
        type: "model",
        config: {
          route_type: "llm/v1/chat",
          model: { provider: "openai", name, options: { upstream_url: chatUrl(simulator) } },
          auth: { header_name: "Authorization", header_value: `Bearer ${targetKey}` },
        },
      },
    ],
    plugins: [{ name: "ai-proxy-advanced", partials: [{ name: "the-model" }] }],
  });

  it("answers, and a reload with another takes its place", async () => {
    let url = "";
    stack = await startStack({
      config: (simulator) => {
        url = simulator;
        return config(simulator, "gpt-4o");
      },
    });
    expect((await stack.ask("Hello")).headers["x-kong-llm-model"]).toBe("openai/gpt-4o");
    await stack.reload(config(url, "gpt-4o-mini"));
    expect((await stack.ask("Hello")).headers["x-kong-llm-model"]).toBe("openai/gpt-4o-mini");
  });
});
