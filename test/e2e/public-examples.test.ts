/** The published examples that load: each is served, before a simulated vendor in place of the real ones. */
import { readFileSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { parse } from "yaml";
import { type Stack, startStack } from "../support/gateway.ts";
import { supportedExamples } from "../support/public-examples.ts";

interface Callee {
  readonly provider: string;
  readonly name: string;
  readonly model_alias?: string;
  options?: Record<string, unknown>;
}

interface Settings {
  readonly targets: readonly { readonly model: Callee; readonly description?: string }[];
  readonly embeddings?: { readonly model: Callee };
  readonly vectordb?: { readonly redis: Record<string, unknown> };
}

interface Example {
  readonly services: readonly [
    {
      readonly routes: readonly [
        { readonly paths: readonly [string]; readonly plugins: readonly [{ readonly config: Settings }] },
      ];
    },
  ];
}

const folder = new URL("../fixtures/config/public-examples/", import.meta.url);
let stack: Stack | undefined;
afterEach(() => stack?.close());

function read(name: string): {
  readonly example: Example;
  readonly settings: Settings;
  readonly path: string;
} {
  const text = readFileSync(new URL(name, folder), "utf8").replaceAll(/\$\{\{ env "[^"]+" \}\}/g, "value");
  const example = parse(text) as Example; // a fixture of ours, one route with one plugin
  const [{ routes }] = example.services;
  const [{ paths, plugins }] = routes;
  return { example, settings: plugins[0].config, path: paths[0] };
}

/** All that is called is the simulator, but for the store, where nothing answers. */
function pointAt(url: string, { embeddings, targets, vectordb }: Settings): void {
  for (const { model } of targets) {
    const path = model.provider === "anthropic" ? "/v1/messages" : "/v1/chat/completions";
    model.options = { ...model.options, upstream_url: url + path };
  }
  if (embeddings !== undefined)
    embeddings.model.options = { ...embeddings.model.options, upstream_url: `${url}/v1/embeddings` };
  if (vectordb !== undefined) Object.assign(vectordb.redis, { host: "127.0.0.1", port: 1 });
}

it.each(supportedExamples)("%s is served, and answers with one of its models", async (name) => {
  const { example, path, settings } = read(name);
  stack = await startStack({
    config: (url) => {
      pointAt(url, settings);
      return JSON.stringify(example);
    },
  });
  const [first] = settings.targets;
  const alias = first?.model.model_alias;
  const { headers, status } = await stack.send({
    path: path.startsWith("~") ? "/models/gpt-4o" : path,
    body: {
      // Where meaning decides, what fits one description best: that description.
      messages: [{ role: "user", content: first?.description ?? "How are you?" }],
      ...(alias !== undefined && { model: alias }),
    },
  });
  expect(status).toBe(200);
  const isChosen = ({ description, model }: Settings["targets"][number]) =>
    description === first?.description && model.model_alias === alias;
  const models = settings.targets
    .filter(isChosen)
    .map(({ model }) => `${model.provider}/${model.name.replace("$(uri_captures.model)", "gpt-4o")}`);
  expect(models).toContain(headers["x-kong-llm-model"]);
});
