import { describe, expect, it } from "vitest";
import { errors, head, lines, load } from "../../test/support/load-config.ts";

describe("plugin settings", () => {
  const plugin = (config: string) =>
    `${head}plugins:\n- name: ai-proxy-advanced\n  config:\n${config.replace(/^/gm, "    ")}\n`;
  const target = "{route_type: llm/v1/chat, model: {provider: openai, name: a}}";

  it("reports everything at once, in the order of the file", () => {
    const text = plugin(
      [
        "balancer: {algorithm: semantics, retries: 99999, threshold: 0.7}",
        "vectordb: {strategy: memory, treshold: 0.7, metric: cosine}",
        "targets:",
        "- {route_type: llm/v1/chat, model: {provider: opnai, options: {temperature: 9, max_tokens: 1.5}}, weight: '3'}",
        "- {model: {name: a}}",
      ].join("\n"),
    );
    expect(lines(text)).toEqual([
      expect.stringMatching(
        /^gateway.yaml:5:27: error: plugins\[0\].config.balancer.algorithm: expected one of .*, found `semantics`: did you mean `semantic`\?$/,
      ),
      "gateway.yaml:5:47: error: plugins[0].config.balancer.retries: must be between 0 and 32767, found 99999",
      "gateway.yaml:5:54: error: plugins[0].config.balancer.threshold: unknown field `threshold` here: it belongs in `vectordb`",
      "gateway.yaml:6:34: error: plugins[0].config.vectordb.treshold: unknown field `treshold`: did you mean `threshold`?",
      expect.stringContaining(
        "gateway.yaml:6:49: error: plugins[0].config.vectordb.metric: unknown field `metric` (known: strategy, dimensions",
      ),
      expect.stringContaining(
        "gateway.yaml:8:51: error: plugins[0].config.targets[0].model.provider: expected one of anthropic",
      ),
      "gateway.yaml:8:81: error: plugins[0].config.targets[0].model.options.temperature: must be between 0 and 5, found 9",
      expect.stringContaining(
        "gateway.yaml:8:96: error: plugins[0].config.targets[0].model.options.max_tokens: expected a whole number",
      ),
      expect.stringContaining(
        "gateway.yaml:8:111: error: plugins[0].config.targets[0].weight: expected a number, found a text: write",
      ),
      expect.stringContaining(
        "gateway.yaml:9:7: error: plugins[0].config.targets[1].route_type: is required but missing (one of",
      ),
      expect.stringContaining(
        "gateway.yaml:9:8: error: plugins[0].config.targets[1].model.provider: is required but missing (one of",
      ),
    ]);
  });

  it("never shows a secret, not even one in the wrong place", () => {
    const text = plugin(
      `targets:\n- {route_type: llm/v1/chat, auth: {header_name: 7, param_location: sk-inline}, model: {provider: "\${{ env "DECK_OPENAI_API_KEY" }}"}, \${{ env "DECK_SPILL" }}}`,
    );
    const found = lines(text, { DECK_SPILL: "sk-spill: 1" });
    expect(found.length).toBeGreaterThanOrEqual(4);
    expect(found.join("\n")).not.toMatch(/sk-/);
  });

  it("counts the same unused setting once, and says nothing of one that has its default value", () => {
    const priced = target.replace(
      "name: a",
      "name: a, options: {embeddings_dimensions: 1, azure_api_version: 2023-05-15}",
    );
    const text = plugin(`targets:\n- ${priced}\n- ${priced}\n- ${priced}`);
    expect(lines(text)).toEqual([
      "gateway.yaml:6:78: notice: plugins[0].config.targets[0].model.options.embeddings_dimensions: accepted, not acted on yet (also in 2 other places)",
    ]);
  });

  it("tells of deprecated settings what to use instead", () => {
    const text = plugin(`targets:\n- ${target.replace("name: a", "name: a, options: {upstream_path: /v2}")}`);
    expect(lines(text)).toEqual([
      expect.stringContaining(
        "upstream_path: is deprecated. Path of the operation on the vendor's host. Prefer `upstream_url`.",
      ),
    ]);
  });

  it("puts the findings of a plugin's own checks at their place", () => {
    const text = plugin(
      `balancer: {algorithm: priority}\ntargets:\n- ${target.replace("provider: openai", "provider: anthropic")}`,
    );
    expect(lines(text)).toEqual([
      "gateway.yaml:5:27: error: plugins[0].config.balancer.algorithm: `priority` is not supported by this version (supported: round-robin, semantic)",
      "gateway.yaml:7:33: error: plugins[0].config.targets[0].model.options.anthropic_version: must set 'model.options.anthropic_version' for anthropic provider",
    ]);
  });
});

describe("files that decK itself was tried with", () => {
  it("refuses the old format by name and the targets that cannot work by path", () => {
    const file = (version: string) =>
      `_format_version: "${version}"\n_info:\n  select_tags: [ai]\nservices:\n- name: llm\n  url: http://localhost:32000\n  routes:\n  - name: chat\n    paths: ["~/chat$"]\n    methods: [POST]\n    plugins:\n    - name: ai-proxy-advanced\n      config:\n        balancer: {algorithm: semantic}\n        targets:\n        - route_type: llm/v1/chat\n          model: {provider: openai, name: gpt-4o}\nconsumers:\n- username: alice\n  keyauth_credentials:\n  - key: secret-1\n`;
    expect(errors(load(file("3.0")))).toEqual([
      "gateway.yaml:16:11: error: services[0].routes[0].plugins[0].config.targets[0].description: is required for the semantic algorithm: say what prompts this target is for, or CATCHALL",
    ]);
    expect(errors(load(file("1.1")))[0]).toContain(
      'gateway.yaml:1:18: error: _format_version: must be "3.0"',
    );
    const complete = file("3.0").replace(
      "name: gpt-4o}",
      "name: gpt-4o}\n          description: Anything at all",
    );
    expect(load(complete).config?.routes).toHaveLength(1);
  });

  it("knows upstreams, groups, memberships and vaults", () => {
    const text = `${head}upstreams:\n- name: up1\n  targets:\n  - target: 127.0.0.1:1\nconsumer_groups:\n- name: gold\nconsumers:\n- username: bob\n  groups: [{name: gold}]\n  acls: [{group: g1}]\nplugins:\n- name: ai-proxy-advanced\n  config: {targets: [{route_type: llm/v1/chat}]}\nvaults:\n- name: env\n  prefix: my-env\n  config: {prefix: X}\n`;
    expect(errors(load(text))).toEqual([
      "gateway.yaml:14:22: error: plugins[0].config.targets[0].model: is required but missing",
    ]);
  });
});
