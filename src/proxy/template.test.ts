import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GatewayError } from "../errors.ts";
import { compileTemplate, type TemplateSource } from "./template.ts";

interface Values {
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly captures?: Readonly<Record<string, string>>;
}

function from({ headers = {}, query = {}, captures = {} }: Values): TemplateSource {
  return { header: (name) => headers[name], query: (name) => query[name], capture: (name) => captures[name] };
}

const render = (text: string, values: Values) => compileTemplate("model.name", text).render(from(values));
const renderUrl = (text: string, values: Values) =>
  compileTemplate("upstream_url", text, { encode: true }).render(from(values));

function failure(run: () => unknown): GatewayError {
  try {
    run();
  } catch (error) {
    if (error instanceof GatewayError) return error;
  }
  throw new Error("no GatewayError");
}

describe("compileTemplate", () => {
  it("gives text without places back as it is", () => {
    for (const text of ["", "gpt-4o", "a $ b ( c )", "$", "costs $5 (five)", "{$x}"]) {
      const template = compileTemplate("f", text);
      expect(template.isConstant).toBe(true);
      expect(template.render(from({}))).toBe(text);
    }
  });

  it("fills in many places from all three sources", () => {
    const values = { headers: { "x-model": "gpt" }, query: { v: "4o" }, captures: { size: "mini" } };
    const text = "$(headers.x-model)-$(query_params.v)$(uri_captures.size)!$(headers.x-model)";
    expect(compileTemplate("f", text).isConstant).toBe(false);
    expect(render(text, values)).toBe("gpt-4omini!gpt");
  });

  it("finds headers in any case, and takes _ for - unless a header really has it", () => {
    expect(render("$(headers.X_GCP_Endpoint)", { headers: { "x-gcp-endpoint": "a" } })).toBe("a");
    expect(render("$(headers.x_a)", { headers: { "x-a": "dash", x_a: "line" } })).toBe("line");
  });

  it.each([
    ["$(headers.x-a)", "headers key x-a was not provided"],
    ["$(query_params.v)", "query_params key v was not provided"],
    ["$(uri_captures.m)", "uri_captures key m was not provided"],
  ])("says which value %s lacks", (text, message) => {
    const error = failure(() => render(text, {}));
    expect([error.code, error.status, error.message]).toEqual(["template_missing", 400, message]);
  });

  it("takes an empty value for a value, except in a URL", () => {
    const values = { headers: { a: "" } };
    expect(render("x$(headers.a)", values)).toBe("x");
    expect(failure(() => renderUrl("/v/$(headers.a)/x", values)).code).toBe("template_missing");
  });

  it.each([
    "$(headers.a",
    "$()",
    "$(headers)",
    "$(headers.)",
    "$(.a)",
    "$(headers.a.b)",
    "$( headers.a )",
    "$(headers.a b)",
    "$(headers.$(headers.a))",
    "ok $(headers.a) and $(",
  ])("refuses %j when the config is read", (text) => {
    const error = failure(() => compileTemplate("model.name", text));
    expect([error.code, error.message]).toEqual([
      "template_invalid",
      "cannot parse expression for field 'model.name'",
    ]);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it.each(["body", "env", "constructor", "__proto__"])(
    "refuses the unknown source %s when the config is read",
    (source) => {
      const error = failure(() => compileTemplate("model.name", `$(${source}.x)`));
      expect([error.code, error.message]).toEqual(["template_source", `source '${source}' is not supported`]);
    },
  );

  it("never reads a value as a template", () => {
    const value = "$(headers.b)$&$1$$";
    expect(render("<$(headers.a)>", { headers: { a: value, b: "secret" } })).toBe(`<${value}>`);
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(render("<$(headers.a)|$(query_params.b)>", { headers: { a }, query: { b } })).toBe(
          `<${a}|${b}>`,
        );
      }),
    );
  });

  it("does not repeat a value in an error", () => {
    const error = failure(() =>
      renderUrl("https://$(headers.host)/", { headers: { host: "secret/../value" } }),
    );
    expect(error.message).toBe("headers key host has a value that may not be part of a URL");
  });
});

/** Values a client might try, and noise. */
const hostile = fc.oneof(
  fc.constantFrom(
    "..",
    ".",
    "../..",
    "%2e%2e",
    "%2E.",
    "a/../b",
    "/",
    "\\",
    "?x=1",
    "#f",
    "@evil.example",
    "evil.example",
    "//evil.example",
  ),
  fc.constantFrom(
    "a%2F..%2Fb",
    "%252e%252e",
    "a&b=c",
    "a;b",
    "\r\nHost: evil",
    "é",
    "%",
    "%zz",
    "a b",
    "....",
    ".a",
    "a..b",
    "\uD800",
  ),
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc
    .array(fc.constantFrom("/", ".", "%", "2", "e", "E", "F", "?", "#", "@", ":", "\\", "a"), {
      minLength: 1,
      maxLength: 6,
    })
    .map((parts) => parts.join("")),
);

/** The rendered URL, or undefined where the value was refused with an error for the client. */
function attempt(text: string, values: Values): string | undefined {
  try {
    return renderUrl(text, values);
  } catch (error) {
    if (error instanceof GatewayError && ["template_unsafe", "template_missing"].includes(error.code))
      return undefined;
    throw error;
  }
}

describe("compileTemplate for URLs", () => {
  it("passes ordinary values through", () => {
    const text =
      "https://$(headers.region)-api.example.com:$(headers.port)/v1/models/$(uri_captures.m)/x?v=$(query_params.v)";
    const values = {
      headers: { region: "eu-west1", port: "8443" },
      captures: { m: "gpt-4o.mini~2" },
      query: { v: "2024-10-21" },
    };
    expect(renderUrl(text, values)).toBe(
      "https://eu-west1-api.example.com:8443/v1/models/gpt-4o.mini~2/x?v=2024-10-21",
    );
  });

  it("encodes a header's value once, and does not encode a capture twice", () => {
    expect(renderUrl("/m/$(headers.m)", { headers: { m: "a/b c%20" } })).toBe("/m/a%2Fb%20c%2520");
    expect(renderUrl("/m/$(uri_captures.m)", { captures: { m: "a%2Fb%20c" } })).toBe("/m/a%2Fb%20c");
    expect(renderUrl("/m/$(uri_captures.m)", { captures: { m: "100%" } })).toBe("/m/100%25");
  });

  it("keeps path, query and fragment as the operator wrote them, whatever comes", () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, (a, b, c) => {
        const text =
          "https://api.example.com/v1/$(headers.a)/m$(uri_captures.b)/end?k=1&v=$(query_params.c)&z=2";
        const rendered = attempt(text, { headers: { a }, captures: { b }, query: { c } });
        if (rendered === undefined) return;
        const url = new URL(rendered);
        expect(url.origin).toBe("https://api.example.com");
        expect(url.username + url.password + url.hash).toBe("");
        const segments = url.pathname.split("/");
        expect(segments).toHaveLength(5);
        expect([segments[1], segments[4]]).toEqual(["v1", "end"]);
        expect(decodeURIComponent(segments[2] ?? "")).toBe(a);
        expect([...url.searchParams.keys()]).toEqual(["k", "v", "z"]);
        expect(url.searchParams.get("v")).toBe(c);
      }),
      { numRuns: 2_000 },
    );
  });

  it("lets several values side by side make no dot segment and no empty one", () => {
    fc.assert(
      fc.property(hostile, hostile, (a, b) => {
        const rendered = attempt("/v1/$(headers.a)$(headers.b)/.$(headers.a)/x", { headers: { a, b } });
        if (rendered === undefined) return;
        expect(new URL(rendered, "https://h").pathname.split("/")).toHaveLength(5);
      }),
      { numRuns: 1_000 },
    );
  });

  it("leaves no character in a value that has a meaning in a URL", () => {
    fc.assert(
      fc.property(hostile, (a) => {
        const rendered = attempt("$(headers.a)", { headers: { a } });
        if (rendered !== undefined) expect(rendered).not.toMatch(/[/?#@:\\&=+;\s]|\.\./);
      }),
    );
  });

  it("lets a value change the host only where the host is wholly its own", () => {
    fc.assert(
      fc.property(hostile, (a) => {
        const below = attempt("https://$(headers.a).api.example.com/v1", { headers: { a } });
        if (below !== undefined && URL.canParse(below)) {
          expect(new URL(below).hostname.endsWith(".api.example.com")).toBe(true);
          expect(new URL(below).pathname).toBe("/v1");
        }
        const port = attempt("https://api.example.com:$(headers.a)/v1", { headers: { a } });
        if (port !== undefined && URL.canParse(port)) expect(new URL(port).hostname).toBe("api.example.com");
      }),
      { numRuns: 1_000 },
    );
    expect(renderUrl("https://$(headers.host)/v1", { headers: { host: "eu.example.com" } })).toBe(
      "https://eu.example.com/v1",
    );
  });

  it.each([
    "https://api.example.com$(headers.a)",
    "https://api.example.com$(headers.a)/v1",
    "https://api.example.com$(headers.a)?x=1",
    "https://api.$(headers.a)/v1",
    "https://api.example.com$(headers.a)$(headers.b)",
    "https://user@api.$(headers.a):443/",
  ])("refuses %s when the config is read, where a value could go on with the host", (text) => {
    const error = failure(() => compileTemplate("model.options.upstream_url", text, { encode: true }));
    expect(error.code).toBe("template_invalid");
    expect(String(error.cause)).toMatch(/could change the host/);
    expect(() => compileTemplate("model.name", text)).not.toThrow();
  });
});
