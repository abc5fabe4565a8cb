import { describe, expect, it } from "vitest";
import type { ChatRequest } from "../../llm/chat.ts";
import { deepFreeze, upstreamModel } from "../provider.contract.ts";
import { modelFacts } from "./models.ts";
import { encodeRequest } from "./request.ts";

const encode = (request: object, model = "claude-sonnet-4-5") =>
  encodeRequest(
    deepFreeze({ messages: [{ role: "user", content: "hi" }], ...request }) as ChatRequest,
    upstreamModel(model),
  );
const base = {
  model: "claude-sonnet-4-5",
  max_tokens: 4096,
  messages: [{ role: "user", content: "hi" }],
  stream: false,
};
/** What a field adds to the plainest request. */
const added = (request: object) => {
  const { body } = encode(request);
  return Object.fromEntries(
    Object.entries(body).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(base[name as keyof typeof base]),
    ),
  );
};

describe("what a request is without more", () => {
  it("is the least the API takes", () => {
    expect(encode({}).body).toEqual(base);
    expect(encode({})).not.toHaveProperty("warnings");
  });

  it("is the same when OpenAI's fields ask for nothing beyond it", () => {
    const inert = {
      n: 1,
      logprobs: false,
      top_logprobs: 0,
      frequency_penalty: 0,
      presence_penalty: 0,
      logit_bias: {},
      modalities: ["text"],
      store: false,
      verbosity: "medium",
      function_call: "auto",
      seed: null,
      audio: null,
      metadata: null,
      user: "",
      stop: null,
      response_format: { type: "text" },
      temperature: null,
      top_k: null,
      tools: null,
      tool_choice: null,
      functions: null,
      stream_options: { include_usage: true },
      thinking: null,
      service_tier: null,
      reasoning_effort: null,
    };
    expect(encode(inert)).toEqual({ body: base });
  });

  it("keeps what we do not know: it is the vendor's own", () => {
    const native = {
      thinking: { type: "adaptive" },
      cache_control: { type: "ephemeral" },
      context_management: { edits: [] },
      top_k: 5,
    };
    expect(added(native)).toEqual(native);
  });
});

describe("the limit on output", () => {
  it.each([
    [{ max_tokens: 10 }, 10],
    [{ max_completion_tokens: 10 }, 10],
    [{ max_tokens: 20, max_completion_tokens: 10 }, 10],
    [{ max_tokens: null }, 4096],
    [{ thinking: { type: "enabled", budget_tokens: 8000 } }, 12_096],
    [{ thinking: { type: "enabled", budget_tokens: 8000 }, max_tokens: 9000 }, 9000],
  ])("for %j is %i", (request, limit) => expect(encode(request).body["max_tokens"]).toBe(limit));
});

describe("sampling", () => {
  it("passes top_p, top_k and stop (Kong before 3.13.0.8 dropped them)", () => {
    expect(added({ top_p: 0.5, top_k: 3, stop: ["a", "b"] })).toEqual({
      top_p: 0.5,
      top_k: 3,
      stop_sequences: ["a", "b"],
    });
    expect(added({ stop: "END" })).toEqual({ stop_sequences: ["END"] });
    expect(added({ temperature: 0 })).toEqual({ temperature: 0 });
  });

  it("ends at temperature 1", () => {
    expect(encode({ temperature: 1.3 })).toMatchObject({
      body: { temperature: 1 },
      warnings: [expect.stringContaining("temperature is sent as 1")],
    });
    expect(encode({ temperature: 1 }).warnings).toBeUndefined();
  });

  it("leaves out stop sequences of white space, which the API refuses", () => {
    expect(encode({ stop: ["\n\n"] })).toMatchObject({
      body: base,
      warnings: [expect.stringContaining("white space")],
    });
  });

  it("is left out, with a warning for each, where a model refuses it", () => {
    const { body, warnings } = encode(
      { temperature: 0.2, top_p: 0.5, top_k: 3, stop: "x" },
      "claude-opus-4-7",
    );
    expect(body).toEqual({ ...base, model: "claude-opus-4-7", stop_sequences: ["x"] });
    expect(warnings).toHaveLength(3);
  });

  it("has temperature rather than top_p where a model takes only one", () => {
    expect(added({ temperature: 0.2, top_p: 0.5 })).toEqual({ temperature: 0.2 });
    expect(encode({ temperature: 0.2, top_p: 0.5 }).warnings).toEqual([
      expect.stringContaining("top_p is not sent"),
    ]);
    expect(encode({ temperature: 0.2, top_p: 0.5 }, "claude-3-7-sonnet-latest").body).toMatchObject({
      temperature: 0.2,
      top_p: 0.5,
    });
  });
});

describe("what the vendor has no words for", () => {
  it.each([
    ["n", 2],
    ["logprobs", true],
    ["top_logprobs", 3],
    ["seed", 0],
    ["frequency_penalty", 0.1],
    ["presence_penalty", -1],
    ["logit_bias", { 1: 2 }],
    ["audio", { voice: "x" }],
    ["modalities", ["text", "audio"]],
    ["prediction", { type: "content" }],
    ["store", true],
    ["verbosity", "low"],
    ["web_search_options", {}],
    ["safety_identifier", "x"],
    ["prompt_cache_key", "k"],
  ])("%s of %j is left out and named in a warning", (name, value) => {
    expect(encode({ [name]: value })).toEqual({
      body: base,
      warnings: [expect.stringContaining(`${name} is not sent`)],
    });
  });

  it("is metadata beyond a user's id", () => {
    expect(encode({ metadata: { ticket: "1" }, user: "u" })).toMatchObject({
      body: { metadata: { user_id: "u" } },
      warnings: [expect.stringContaining("metadata")],
    });
    expect(encode({ metadata: { user_id: "m" }, user: "u" })).toEqual({
      body: { ...base, metadata: { user_id: "m" } },
    });
  });

  it.each([
    ["auto", "auto"],
    ["default", "standard_only"],
    ["standard_only", "standard_only"],
  ])("is not the service tier %s, sent as %s", (tier, sent) => {
    expect(encode({ service_tier: tier })).toEqual({ body: { ...base, service_tier: sent } });
  });

  it.each(["flex", "priority", "constructor"])("is the service tier %s", (tier) => {
    expect(encode({ service_tier: tier })).toEqual({
      body: base,
      warnings: [expect.stringContaining("service_tier")],
    });
  });
});

describe("the format of the answer", () => {
  const schema = {
    type: "object",
    properties: { a: { type: "string" } },
    required: ["a"],
    additionalProperties: false,
  };
  const asked = {
    response_format: { type: "json_schema", json_schema: { name: "x", strict: true, schema } },
  };

  it("is enforced by schema where the model can", () => {
    expect(encode(asked)).toEqual({
      body: { ...base, output_config: { format: { type: "json_schema", schema } } },
    });
  });

  it("is asked for in the system prompt where it cannot, behind the client's own", () => {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "hi" },
    ];
    const { body, warnings } = encode({ ...asked, messages }, "claude-opus-4-1");
    expect(body["system"]).toMatch(/^Be brief\.\n\nAnswer with one JSON object only.*"properties":\{"a"/);
    expect(body).not.toHaveProperty("output_config");
    expect(warnings).toEqual([
      expect.stringContaining("response_format is asked for in the system prompt only"),
    ]);
  });

  it("of json_object is asked for in the system prompt, behind any cached block", () => {
    const json = { response_format: { type: "json_object" } };
    expect(encode(json)).toMatchObject({
      body: { system: expect.stringMatching(/^Answer with one JSON object/) },
      warnings: { length: 1 },
    });
    const cached = {
      role: "system",
      content: [{ type: "text", text: "long", cache_control: { type: "ephemeral" } }],
    };
    const { body } = encode({ ...json, messages: [cached, { role: "user", content: "hi" }] });
    expect(body["system"]).toEqual([
      cached.content[0],
      { type: "text", text: expect.stringContaining("JSON object") },
    ]);
  });

  it.each([{ type: "grammar" }, { type: "json_schema" }, { type: "json_schema", json_schema: {} }, {}])(
    "of %j is not sent, with a warning",
    (response_format) => {
      expect(encode({ response_format })).toEqual({
        body: base,
        warnings: [expect.stringContaining("response_format is not sent")],
      });
    },
  );

  it("stands beside the vendor's own output_config, which wins", () => {
    const own = { output_config: { effort: "max" } };
    expect(
      encode({ ...asked, ...own, reasoning_effort: "low" }, "claude-opus-4-6").body["output_config"],
    ).toEqual({
      format: { type: "json_schema", schema },
      effort: "max",
    });
  });
});

describe("effort", () => {
  it.each([
    ["claude-opus-4-6", "low", "low", 0],
    ["claude-opus-4-6", "minimal", "low", 1],
    ["claude-opus-4-6", "xhigh", "high", 1],
    ["claude-opus-4-7", "xhigh", "xhigh", 0],
    ["claude-opus-4-7", "none", undefined, 1],
    ["claude-sonnet-4-5", "low", undefined, 1],
  ])("on %s: %s is sent as %s with %i warnings", (model, reasoning_effort, effort, count) => {
    const { body, warnings = [] } = encode({ reasoning_effort }, model);
    expect(body["output_config"]).toEqual(effort === undefined ? undefined : { effort });
    expect(warnings).toHaveLength(count);
  });
});

describe("a model's facts", () => {
  it.each([
    ["claude-instant-1.2", true, true, false],
    ["claude-2.1", true, true, false],
    ["claude-3-haiku-20240307", true, true, false],
    ["claude-3-5-sonnet-20241022", true, true, false],
    ["claude-3-7-sonnet-latest", true, true, false],
    ["claude-opus-4-20250514", true, true, false],
    ["claude-opus-4-1-20250805", true, false, false],
    ["claude-opus-4-1", true, false, false],
    ["claude-sonnet-4-5-20250929", true, false, true],
    ["claude-haiku-4-5@20251001", true, false, true],
    ["anthropic.claude-sonnet-4-6", true, false, true],
    ["claude-opus-4-7", false, false, true],
    ["claude-opus-5", false, false, true],
    ["claude-sonnet-5-20260101", false, false, true],
    ["our-deployment", true, true, true],
  ])(
    "%s: sampling %s, temperature with top_p %s, structured output %s",
    (name, sampling, both, structured) => {
      expect(modelFacts(name)).toMatchObject({
        acceptsSampling: sampling,
        acceptsTemperatureWithTopP: both && sampling,
        hasStructuredOutput: structured,
      });
    },
  );
});
