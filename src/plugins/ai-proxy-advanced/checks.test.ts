import { describe, expect, it } from "vitest";
import { aiProxyConfig, toAdvanced } from "../ai-proxy/config.ts";
import { checkAiProxyAdvanced, type SupportedNames } from "./checks.ts";
import { aiProxyAdvancedConfig, semanticSettings } from "./config.ts";
import { supported } from "./plugin.ts";

const everything: SupportedNames = {
  providers: ["anthropic", "azure", "bedrock", "gemini", "llama2", "mistral", "openai", "vllm"],
  algorithms: ["lowest-usage", "round-robin", "semantic"],
  embedders: ["azure", "local", "openai"],
  vectorStores: ["memory", "pgvector", "redis"],
  routeTypes: [
    "llm/v1/chat",
    "llm/v1/completions",
    "llm/v1/embeddings",
    "llm/v1/batches",
    "llm/v1/files",
    "preserve",
  ],
};

type Block = Record<string, unknown>;

function target(provider: string, more: Block = {}, options: Block = {}): Block {
  return { route_type: "llm/v1/chat", model: { provider, name: "m", options }, ...more };
}

function check(config: Block, names = everything): string[] {
  return checkAiProxyAdvanced(aiProxyAdvancedConfig.parse(config), names).map(
    ({ message, path, severity }) => `${severity} ${path.join(".")}: ${message}`,
  );
}

describe("what a vendor demands", () => {
  it.each([
    [
      "azure",
      {},
      [
        "'model.options.azure_instance' for azure provider",
        "'model.options.azure_deployment_id' for azure provider",
      ],
    ],
    ["anthropic", {}, ["'model.options.anthropic_version' for anthropic provider"]],
    [
      "llama2",
      {},
      [
        "'model.options.llama2_format' for llama2 provider",
        "'model.options.upstream_url' for self-hosted providers/models",
      ],
    ],
    ["mistral", {}, ["'model.options.mistral_format' for mistral provider"]],
    ["vllm", {}, ["'model.options.upstream_url' for self-hosted providers/models"]],
    ["azure", { azure_instance: "i", azure_deployment_id: "d" }, []],
    ["openai", {}, []],
  ])("%s with %j", (provider, options, missing) => {
    const found = check({ targets: [target("openai"), target(provider, {}, options)] });
    expect(found).toEqual(
      missing.map((text) =>
        expect.stringMatching(new RegExp(`^error targets.1.model.options.\\w+: must set ${text}$`)),
      ),
    );
  });

  it("wants credentials whole or not at all", () => {
    expect(check({ targets: [target("openai", { auth: { header_name: "a" } })] })).toEqual([
      "error targets.0.auth.header_value: all or none of these fields must be set: 'auth.header_name', 'auth.header_value'",
    ]);
    expect(check({ targets: [target("openai", { auth: { param_name: "a", param_value: "b" } })] })).toEqual([
      "error targets.0.auth.param_location: all or none of these fields must be set: 'auth.param_name', 'auth.param_value', 'auth.param_location'",
    ]);
  });

  it("does not let a client's value stand in for a signature", () => {
    expect(check({ targets: [target("bedrock", { auth: { allow_override: true } })] })).toEqual([
      "error targets.0.auth.allow_override: bedrock and gemini only support auth.allow_override = false",
    ]);
  });

  it("wants the role's pair and Vertex's triple whole", () => {
    expect(
      check({ targets: [target("bedrock", {}, { bedrock: { aws_assume_role_arn: "a" } })] }),
    ).toHaveLength(1);
    expect(
      check({ targets: [target("gemini", {}, { gemini: { project_id: "a", location_id: "b" } })] }),
    ).toEqual([
      "error targets.0.model.options.gemini.api_endpoint: all or none of these fields must be set: " +
        "'model.options.gemini.api_endpoint', 'model.options.gemini.project_id', 'model.options.gemini.location_id'",
    ]);
  });

  it("knows who reports no usage for what", () => {
    const completions = { route_type: "llm/v1/completions", logging: { log_statistics: true } };
    expect(check({ targets: [target("anthropic", completions, { anthropic_version: "x" })] })).toEqual([
      "error targets.0.logging.log_statistics: anthropic does not support statistics when route_type is llm/v1/completions",
    ]);
    expect(check({ targets: [target("openai", completions)] })).toEqual([]);
  });
});

describe("what does not go together", () => {
  it("compares route types with the category", () => {
    const embeddings = target("openai", { route_type: "llm/v1/embeddings" });
    expect(check({ targets: [embeddings] })).toEqual([
      "error targets.0.route_type: route_type llm/v1/embeddings belongs to genai_category text/embeddings, but genai_category is text/generation",
    ]);
    expect(check({ targets: [embeddings], genai_category: "text/embeddings" })).toEqual([]);
    expect(
      check({ targets: [target("openai", { route_type: "preserve" })], genai_category: "audio/speech" }),
    ).toEqual([]);
  });

  it("wants a model or no header where requests name no model", () => {
    const batches = { route_type: "llm/v1/batches", model: { provider: "openai" } };
    expect(check({ targets: [batches] })).toEqual([
      "error targets.0.model.name: must set 'model.name', or model_name_header to false, when route_type is llm/v1/batches",
    ]);
    expect(check({ targets: [batches], model_name_header: false })).toEqual([]);
  });

  it("wants every price where usage is counted in money", () => {
    const balancer = { algorithm: "lowest-usage", tokens_count_strategy: "cost" };
    expect(check({ balancer, targets: [target("openai", {}, { input_cost: 1 }), target("openai")] })).toEqual(
      [
        "error targets.0.model.options.output_cost: must set 'model.options.output_cost' when tokens_count_strategy is cost",
        "error targets.1.model.options.input_cost: must set 'model.options.input_cost' when tokens_count_strategy is cost",
        "error targets.1.model.options.output_cost: must set 'model.options.output_cost' when tokens_count_strategy is cost",
      ],
    );
  });

  it("takes the price table's word for a price, where usage is counted in money", () => {
    const balancer = { algorithm: "lowest-usage", tokens_count_strategy: "cost" };
    const at = (name: string, options: Block = {}) =>
      target("openai", { model: { provider: "openai", name, options } });
    const faults = (...targets: Block[]) => check({ balancer, targets }, supported);
    expect(faults(at("gpt-4o"), at("gpt-4o-mini-2024-07-18"))).toEqual([]);
    expect(faults(at("gpt-4o", { upstream_url: "http://127.0.0.1/v1" }))).toHaveLength(2);
    expect(
      faults(at("gpt-4o", { upstream_url: "http://127.0.0.1/v1", input_cost: 0, output_cost: 0 })),
    ).toEqual([]);
    expect(faults(at("no-such-model", { input_cost: 1 }))).toHaveLength(1);
    expect(faults(at("$(headers.x-model)"))).toHaveLength(2);
  });

  it("tells that nothing gives the scores that llm-accuracy needs", () => {
    const counting = (tokens_count_strategy: string) =>
      check({ balancer: { algorithm: "lowest-usage", tokens_count_strategy }, targets: [target("openai")] });
    expect(counting("llm-accuracy")).toEqual([
      expect.stringMatching(/^notice balancer.tokens_count_strategy: llm-accuracy needs scores/),
    ]);
    expect(counting("total-tokens")).toEqual([]);
  });

  it("warns of criteria that a POST makes ineffective", () => {
    const criteria = (...names: string[]) =>
      check({ balancer: { failover_criteria: names }, targets: [target("openai")] });
    expect(criteria("error", "http_429")).toEqual([
      expect.stringMatching(
        /^warning balancer.failover_criteria: http_429 cannot take effect without non_idempotent/,
      ),
    ]);
    expect(criteria("error", "http_429", "non_idempotent")).toEqual([]);
    expect(criteria("error", "timeout")).toEqual([]);
  });

  it("holds Redis to one kind of deployment", () => {
    const redis = (block: Block) =>
      check({
        targets: [target("openai")],
        vectordb: { strategy: "redis", dimensions: 3, distance_metric: "cosine", redis: block },
      });
    expect(redis({ sentinel_master: "m" })).toEqual([
      expect.stringMatching(
        /^error vectordb.redis.sentinel_role: all or none of these fields must be set: 'redis.sentinel_master'/,
      ),
    ]);
    expect(redis({ connection_is_proxied: true, database: 2 })).toEqual([
      expect.stringMatching(
        /^error vectordb.redis.database: cannot be set together with connection_is_proxied/,
      ),
    ]);
    expect(redis({ cluster_nodes: [{}], database: 0 })).toEqual([]);
    expect(redis({ cluster_nodes: [{}], database: 1 })).toHaveLength(1);
  });
});

describe("what this build lacks", () => {
  const little: SupportedNames = {
    providers: ["openai"],
    algorithms: ["round-robin"],
    embedders: [],
    vectorStores: ["memory"],
    routeTypes: ["llm/v1/chat"],
  };

  it("is refused by name, with what there is", () => {
    const config = {
      targets: [target("anthropic", { route_type: "llm/v1/completions" }, { anthropic_version: "x" })],
      balancer: { algorithm: "priority" },
      llm_format: "anthropic",
      embeddings: { model: { provider: "openai", name: "e" } },
      vectordb: { strategy: "pgvector", dimensions: 3, distance_metric: "cosine" },
      acls: { deny: [{ match: [{ type: "ip", values: ["::1"] }] }] },
    };
    expect(check(config, little)).toEqual([
      "error balancer.algorithm: `priority` is not supported by this version (supported: round-robin)",
      "error llm_format: `anthropic` is not supported by this version (supported: openai)",
      "error targets.0.route_type: `llm/v1/completions` is not supported by this version (supported: llm/v1/chat)",
      "error targets.0.model.provider: `anthropic` is not supported by this version (supported: openai)",
      "error embeddings.model.provider: `openai` is not supported by this version (supported: none)",
      "error vectordb.strategy: `pgvector` is not supported by this version (supported: memory)",
      expect.stringContaining("error acls: access rules are not supported by this version"),
    ]);
  });
});

describe("the semantic algorithm", () => {
  const vectordb = { strategy: "memory", threshold: 0.7 };
  const embeddings = { model: { provider: "openai", name: "e" } };
  const targets = (...descriptions: (string | undefined)[]) =>
    descriptions.map((description) => target("openai", { description }));
  const semantic = (config: Block) =>
    check({ balancer: { algorithm: "semantic" }, embeddings, vectordb, ...config });

  it("wants a description everywhere, and one that is not CATCHALL", () => {
    expect(semantic({ targets: targets("a", undefined, " ", "CATCHALL") })).toEqual([
      expect.stringContaining("error targets.1.description: is required for the semantic algorithm"),
      expect.stringContaining("error targets.2.description: is required for the semantic algorithm"),
    ]);
    expect(semantic({ targets: targets("CATCHALL") })).toEqual([
      expect.stringContaining(
        "error targets: at least one target must have a description other than CATCHALL",
      ),
    ]);
  });

  it("wants a threshold from whoever writes a vectordb block, and doubts odd ones", () => {
    const list = targets("a", "CATCHALL");
    expect(semantic({ targets: list, vectordb: { strategy: "memory" } })).toEqual([
      expect.stringContaining("error vectordb.threshold: is required for the semantic algorithm"),
    ]);
    expect(semantic({ targets: list, vectordb: { ...vectordb, threshold: 1.2 } })).toEqual([
      expect.stringMatching(/^warning vectordb.threshold: .*nearly everything matches$/),
    ]);
    expect(semantic({ targets: list, vectordb: { ...vectordb, threshold: -0.1 } })).toEqual([
      expect.stringMatching(/^warning vectordb.threshold: .*nothing can match$/),
    ]);
    expect(semantic({ targets: list, vectordb: { ...vectordb, threshold: 1 } })).toEqual([]);
  });

  it("says what stands in for missing blocks, and what that is", () => {
    const config = { targets: targets("a", "CATCHALL"), vectordb: undefined, embeddings: undefined };
    expect(semantic(config)).toEqual([
      expect.stringContaining("notice vectordb: "),
      expect.stringContaining("notice embeddings: "),
    ]);
    expect(
      semanticSettings(aiProxyAdvancedConfig.parse({ ...config, balancer: { algorithm: "semantic" } })),
    ).toMatchObject({
      embeddings: { model: { provider: "local" } },
      vectordb: { strategy: "memory", threshold: 0.7, distance_metric: "cosine" },
    });
  });

  it("warns when there is no CATCHALL, when it is written small, and when two descriptions only look the same", () => {
    expect(semantic({ targets: targets("a", "b") })).toEqual([
      expect.stringContaining("warning targets: no target is described as CATCHALL"),
    ]);
    expect(semantic({ targets: targets("a", "catchall", "CATCHALL") })).toEqual([
      expect.stringContaining("warning targets.1.description: is matched like any other text"),
    ]);
    expect(semantic({ targets: targets("Python", "python ", "Python", "CATCHALL") })).toEqual([
      expect.stringContaining(
        "warning targets.1.description: differs from targets[0].description only in spaces or letter case",
      ),
    ]);
  });

  it("warns of dimensions the local model has no use for", () => {
    const found = semantic({
      targets: targets("a", "CATCHALL"),
      embeddings: { model: { provider: "local" } },
      vectordb: { ...vectordb, dimensions: 1024 },
    });
    expect(found).toEqual([
      "warning vectordb.dimensions: dimensions comes from the local model; the value is ignored",
    ]);
  });
});

describe("the schema", () => {
  const parse = (config: Block) =>
    aiProxyAdvancedConfig.safeParse({ targets: [target("openai")], ...config });

  it("fills in the blocks that Kong fills in, and leaves the others out", () => {
    const config = aiProxyAdvancedConfig.parse({
      targets: [{ route_type: "llm/v1/chat", model: { provider: "openai" } }],
    });
    expect(config).toMatchObject({
      balancer: {
        algorithm: "round-robin",
        retries: 5,
        failover_criteria: ["error", "timeout"],
        semantic: { message_countback: 1, timeout: 2000 },
      },
      targets: [
        {
          weight: 100,
          auth: { allow_override: false },
          logging: { log_statistics: false },
          model: { options: { azure_api_version: "2023-05-15" } },
        },
      ],
      options_mode: "default",
      on_error: "fallback",
    });
    expect(config.embeddings).toBeUndefined();
    expect(config.vectordb).toBeUndefined();
  });

  it("takes underscores in tokens_count_strategy", () => {
    expect(
      parse({ balancer: { tokens_count_strategy: "prompt_tokens" } }).data?.balancer.tokens_count_strategy,
    ).toBe("prompt-tokens");
    expect(parse({ balancer: { tokens_count_strategy: "prompt tokens" } }).success).toBe(false);
    expect(parse({ balancer: { tokens_count_strategy: 7 } }).success).toBe(false);
  });

  it("spells out Redis's old shorthands, without overruling what is spelt out already", () => {
    const redis = {
      timeout: 7,
      read_timeout: 9,
      sentinel_addresses: ["s:1"],
      cluster_addresses: ["[::1]:2"],
    };
    const vectordb = parse({ vectordb: { strategy: "memory", redis } }).data?.vectordb;
    expect(vectordb?.redis).toMatchObject({
      connect_timeout: 7,
      send_timeout: 7,
      read_timeout: 9,
      sentinel_nodes: [{ host: "s", port: 1 }],
      cluster_nodes: [{ ip: "[::1]", port: 2 }],
    });
    expect(
      parse({ vectordb: { strategy: "memory", redis: { cluster_addresses: ["nowhere"] } } }).success,
    ).toBe(false);
    expect(parse({ vectordb: { strategy: "memory", redis: { cluster_addresses: 7 } } }).success).toBe(false);
  });

  it.each([
    [{ targets: [] }, "targets"],
    [{ vectordb: { strategy: "redis" } }, "vectordb.dimensions"],
    [{ embeddings: { model: { provider: "openai" } } }, "embeddings.model.name"],
    [
      { targets: [target("openai", {}, { upstream_url: "ftp://x" })] },
      "targets.0.model.options.upstream_url",
    ],
    [{ targets: [target("openai", {}, { input_cost: -1 })] }, "targets.0.model.options.input_cost"],
    [
      {
        targets: [
          target(
            "openai",
            {},
            { context_window_factor: [{ above: "2e5", input_factor: 1, output_factor: 1 }] },
          ),
        ],
      },
      "targets.0.model.options.context_window_factor.0.above",
    ],
    [{ targets: [target("openai", { examples: [""] })] }, "targets.0.examples.0"],
    [{ balancer: { semantic: { message_countback: 0 } } }, "balancer.semantic.message_countback"],
    [{ max_request_body_size: -1 }, "max_request_body_size"],
  ])("refuses %j", (config, path) => {
    expect(parse(config).error?.issues.map((issue) => issue.path.join("."))).toContain(path);
  });

  it("takes a template for an address", () => {
    expect(parse({ targets: [target("openai", {}, { upstream_url: "$(headers.x)/v1" })] }).success).toBe(
      true,
    );
  });
});

describe("ai-proxy", () => {
  it("is ai-proxy-advanced with one target", () => {
    const config = toAdvanced(
      aiProxyConfig.parse({
        route_type: "llm/v1/chat",
        model: { provider: "openai", name: "m" },
        options_mode: "enforce",
      }),
    );
    expect(aiProxyAdvancedConfig.parse(config)).toEqual(config);
    expect(config).toMatchObject({
      options_mode: "enforce",
      targets: [{ model: { name: "m" }, weight: 100 }],
    });
    expect(checkAiProxyAdvanced(config, everything)).toEqual([]);
  });
});

describe("the baseline that savings are worked out against", () => {
  const targets = [
    target("openai", { model: { provider: "openai", name: "gpt-4o", model_alias: "best" } }),
    target("openai", { model: { provider: "openai", name: "gpt-4o-mini" } }),
  ];

  it.each(["best", "gpt-4o", "gpt-4o-mini"])("may be %s, an alias or the name of a model", (baseline) => {
    expect(check({ targets, savings: { baseline } })).toEqual([]);
  });

  it("must be a target, and the right name is told", () => {
    expect(check({ targets, savings: { baseline: "gpt-4o-mni" } })).toEqual([
      'error savings.baseline: no target is called "gpt-4o-mni": did you mean gpt-4o-mini?',
    ]);
    expect(check({ targets, savings: { baseline: "claude" } })).toEqual([
      'error savings.baseline: no target is called "claude": there are best, gpt-4o, gpt-4o-mini',
    ]);
  });
});
