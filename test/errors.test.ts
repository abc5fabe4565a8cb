import { describe, expect, it } from "vitest";
import { type ErrorCode, errorTable, GatewayError, toGatewayError } from "../src/errors.ts";
import { readSources, withoutComments } from "./support/sources.ts";

const codes = Object.keys(errorTable) as ErrorCode[];
const placesOf = (code: ErrorCode) =>
  [...errorTable[code].message.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");

/** What the specification says of each status; the rows of its error catalogue in the comments. */
const statuses: Readonly<Record<ErrorCode, number>> = {
  no_route: 404,
  https_required: 426, // E1
  bad_body: 400, // E2
  body_too_large: 413, // a documented difference: Kong answers 400
  no_prompt: 400, // E3
  two_formats: 400, // E4
  wrong_format: 400, // E5
  unknown_format: 400, // E6
  own_model: 400, // E7
  no_model: 400, // E8
  streaming_denied: 400, // E9
  template_missing: 400, // E10
  template_invalid: 400, // E11
  template_source: 400, // E11
  template_unsafe: 400,
  untranslatable: 400, // E13
  no_target: 503,
  routing_unavailable: 503,
  no_healthy_target: 503, // E24; a documented difference: Kong answers 500
  upstream_unusable: 500, // E20
  name_resolution: 503, // E25
  upstream_unreachable: 502, // E26
  upstream_timeout: 504, // E27
  upstream_stream_error: 502,
  stream_cut: 502,
  request_cut: 400,
  no_service: 503,
  no_peer: 503,
  bad_question: 400,
  no_plugin: 404,
  question_too_large: 413,
  cannot_explain: 503,
  explain_timeout: 504,
  no_api_key: 401, // E29
  unauthorized: 401, // E29
  duplicate_api_key: 401, // E29
  rate_limit_exceeded: 429, // E28
  internal: 500,
};

/** Texts that clients of Kong may match on, word for word. */
const kongsTexts: Partial<Record<ErrorCode, string>> = {
  no_route: "no Route matched with those values",
  bad_body: "content-type header does not match request body, or bad JSON formatting",
  no_prompt: "request body doesn't contain valid prompts",
  two_formats: "request matches multiple LLM request formats",
  wrong_format: "[{found}] message format is not compatible with [{expected}] route type",
  unknown_format: "request format not recognised",
  own_model: "cannot use own model - must be: {allowed}",
  no_model: "model parameter not found in request, nor in gateway configuration",
  streaming_denied: "response streaming is not enabled for this LLM",
  template_missing: "{source} key {key} was not provided",
  template_invalid: "cannot parse expression for field '{field}'",
  template_source: "source '{source}' is not supported",
  name_resolution: "name resolution failed",
  upstream_unreachable: "An invalid response was received from the upstream server",
  upstream_timeout: "The upstream server is timing out",
  no_api_key: "No API key found in request",
  unauthorized: "Unauthorized",
  duplicate_api_key: "Duplicate API key found",
};

describe("the table of errors", () => {
  it("has the statuses of the specification", () => {
    expect(Object.fromEntries(codes.map((code) => [code, errorTable[code].status]))).toEqual(statuses);
  });

  it("has Kong's texts where clients may match on them", () => {
    for (const [code, text] of Object.entries(kongsTexts))
      expect(errorTable[code as ErrorCode].message).toBe(text);
  });

  it("sorts failures as OpenAI's clients do: the client's own by their status, the others as the server's", () => {
    for (const code of codes) {
      const { status, type } = errorTable[code];
      const isClients = type === "invalid_request_error" || type === "rate_limit_error";
      expect(isClients, code).toBe(status < 500);
    }
  });

  it("has no row that nobody uses", () => {
    const text = [...readSources()]
      .filter(([path]) => path !== "errors.ts")
      .map(([, source]) => withoutComments(source))
      .join("\n");
    expect(codes.filter((code) => !text.includes(`"${code}"`))).toEqual([]);
  });

  it("is given every detail it asks for, wherever an error is thrown", () => {
    const wrong: string[] = [];
    for (const [path, source] of readSources()) {
      for (const [, code = "", details = ""] of withoutComments(source).matchAll(
        /new GatewayError\(\s*"(\w+)"\s*(?:,\s*(\{[\s\S]*?\}))?/g,
      )) {
        const missing = placesOf(code as ErrorCode).filter(
          (place) => !new RegExp(`\\b${place}\\b`).test(details),
        );
        if (missing.length > 0) wrong.push(`${path}: ${code} lacks ${missing.join(", ")}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe.each(codes)("the error %s", (code) => {
  const details = Object.fromEntries(placesOf(code).map((place) => [place, `<${place}>`]));

  it("has a text without gaps once its details are given, each in its place", () => {
    const { message } = new GatewayError(code, details);
    expect(message).not.toMatch(/\{\w+\}|undefined/);
    for (const place of placesOf(code)) expect(message).toContain(`<${place}>`);
  });

  it("has the body of its shape", () => {
    const error = new GatewayError(code, details);
    const body = JSON.parse(error.toBody("id-1"));
    const gateway = { message: error.message, request_id: "id-1" };
    const ai = { error: { message: error.message, type: error.type, code, request_id: "id-1" } };
    const shapes = { gateway, ai, both: { ...gateway, ...ai } };
    expect(body).toEqual(shapes[error.shape]);
  });
});

describe("GatewayError", () => {
  it("takes details as they are, whatever is in them", () => {
    const error = new GatewayError("own_model", { allowed: '$1 {allowed} "$&"' });
    expect(error.message).toBe('cannot use own model - must be: $1 {allowed} "$&"');
    expect(JSON.parse(error.toBody("i")).error.message).toBe(error.message);
    expect(new GatewayError("body_too_large", { limit: 0 }).message).toContain("is 0 bytes");
  });

  it("keeps its cause and when to try again", () => {
    const cause = new Error("x");
    expect(new GatewayError("internal", {}, { cause, retryAfterSeconds: 3 })).toMatchObject({
      cause,
      retryAfterSeconds: 3,
      name: "GatewayError",
    });
    expect(new GatewayError("internal")).not.toHaveProperty("cause");
  });

  it("is made of anything that was thrown, itself included, and tells nothing of what it was", () => {
    const own = new GatewayError("no_route");
    expect(toGatewayError(own)).toBe(own);
    for (const thrown of [new Error("secret"), "secret", undefined, null, { secret: 1 }]) {
      const error = toGatewayError(thrown);
      expect(error.code).toBe("internal");
      expect(error.toBody("i")).not.toContain("secret");
      if (thrown !== undefined) expect(error.cause).toBe(thrown);
    }
  });
});
