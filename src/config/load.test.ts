import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errors, fixture, head, lines, load } from "../../test/support/load-config.ts";
import { aiProxyAdvancedConfig } from "../plugins/ai-proxy-advanced/config.ts";

describe("files that are good", () => {
  it.each([
    "seed.yaml",
    "local.yaml",
    "round-robin.yaml",
    "semantic-with-fallback.yaml",
    "single-targets.yaml",
    "exported.json",
  ])("loads %s without an error", (name) => {
    const result = load(fixture(name));
    expect(errors(result)).toEqual([]);
    expect(result.config).toBeDefined();
  });

  it("flattens the seed scenario: one service, its route, one global plugin with three targets", () => {
    const { config } = load(fixture("seed.yaml"));
    expect(config?.services).toMatchObject([
      {
        name: "example-service",
        protocol: "http",
        host: "httpbin.konghq.com",
        port: 80,
        path: "/anything",
        connectTimeoutMs: 60000,
      },
    ]);
    expect(config?.routes).toMatchObject([
      {
        name: "example-route",
        service: config?.services[0]?.id,
        paths: ["/anything"],
        stripPath: true,
        pathHandling: "v0",
      },
    ]);
    expect(config?.plugins).toMatchObject([
      { name: "ai-proxy-advanced", enabled: true, scope: {}, path: "plugins[0]" },
    ]);
    const plugin = aiProxyAdvancedConfig.parse(config?.plugins[0]?.config);
    expect(
      plugin.targets.map(({ model }) => [model.name, model.options.max_tokens, model.options.temperature]),
    ).toEqual([
      ["gpt-3.5-turbo", 826, 0],
      ["gpt-4o", 512, 0.3],
      ["gpt-4o-mini", 256, 1],
    ]);
    expect(plugin.targets[0]?.auth.header_value).toBe("Bearer sk-open");
  });

  it("says what stands in for blocks that a semantic balancer leaves out", () => {
    expect(lines(fixture("local.yaml"))).toEqual([
      expect.stringMatching(
        /^gateway.yaml:8:9: notice: routes\[0\].plugins\[0\].config.vectordb: without a vectordb block .* threshold is 0.7/,
      ),
      expect.stringMatching(/^gateway.yaml:8:9: notice: .*config.embeddings: without an embeddings block/),
    ]);
  });

  it("follows anchors and merge keys", () => {
    const config = aiProxyAdvancedConfig.parse(load(fixture("round-robin.yaml")).config?.plugins[0]?.config);
    expect(config.targets.map(({ auth, weight, model }) => [auth.header_value, weight, model.name])).toEqual([
      ["Bearer sk-open", 70, "gpt-4"],
      ["Bearer sk-open", 25, "gpt-4o-mini"],
      ["Bearer sk-open", 5, "gpt-3"],
    ]);
  });

  it("fetches references from the environment, by field and by the prefix of a vault entity", () => {
    const config = aiProxyAdvancedConfig.parse(
      load(fixture("semantic-with-fallback.yaml")).config?.plugins[0]?.config,
    );
    expect(config.targets.map(({ auth }) => auth.header_value)).toEqual([
      "Bearer sk-vault",
      "sk-team",
      "Bearer sk-vault",
    ]);
  });

  it("takes null as absent and an export's own fields as harmless", () => {
    const result = load(fixture("exported.json"));
    expect(result.problems).toEqual([]);
    expect(result.config?.routes[0]?.service).toBe("4a3cbb5c-3e3a-4f5c-9a55-111111111111");
    expect(result.config?.services[0]?.path).toBeUndefined();
  });

  it("freezes all of it", () => {
    const { config } = load(fixture("seed.yaml"));
    expect(Object.isFrozen(config?.plugins[0]?.config)).toBe(true);
    expect(Object.isFrozen(aiProxyAdvancedConfig.shape)).toBe(false);
    expect(Object.isFrozen(config?.routes)).toBe(true);
    expect(Object.isFrozen(config?.services[0])).toBe(true);
  });

  it("gives the same ids on every load, and after the file was rearranged", () => {
    const ids = (text: string) => load(text).config?.plugins.map(({ id }) => id);
    const one = fixture("single-targets.yaml");
    expect(ids(one)).toEqual(ids(one));
    expect(new Set(ids(one)).size).toBe(4);
    const twice = `${head}plugins:\n- {name: ai-proxy-advanced, config: {targets: [{route_type: llm/v1/chat, model: {provider: openai}}]}}\n`;
    const before = load(twice).config?.plugins[0]?.id;
    const after = load(
      twice.replace(
        "plugins:\n",
        "plugins:\n- {name: ai-proxy, config: {route_type: llm/v1/chat, model: {provider: openai}}}\n",
      ),
    ).config?.plugins[1]?.id;
    expect(after).toBe(before);
    expect(before).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  });

  it("takes ids in capitals for the same ids", () => {
    const small = "a1b2c3d4-0000-4000-8000-00000000beef";
    const { config, problems } = load(
      `${head}services:\n- {id: ${small.toUpperCase()}, host: a}\nroutes:\n- {paths: [/], service: ${small}}\n- {paths: [/b], service: {id: ${small.toUpperCase()}}}\n`,
    );
    expect(problems).toEqual([]);
    expect(config?.services).toMatchObject([{ id: small }]);
    expect(
      lines(`${head}services:\n- {id: ${small.toUpperCase()}, host: a}\n- {id: ${small}, host: a}\n`),
    ).toEqual([expect.stringContaining("has the id")]);
  });

  it("leaves out what hangs on a service that is switched off", () => {
    const { config } = load(
      fixture("single-targets.yaml").replace(
        "host: models.invalid",
        "host: models.invalid\n    enabled: false",
      ),
    );
    expect(config).toMatchObject({ services: [], routes: [], plugins: [] });
  });
});

describe("files that are not worth reading", () => {
  it.each([
    ["", "1:1: error: the file is empty"],
    ["  \n\n", "1:1: error: the file is empty"],
    ["# only this\n", "1:1: error: the file holds nothing but comments"],
    [
      "- a\n- b\n",
      "1:1: error: expected fields such as _format_version, services and plugins at the top, found a list",
    ],
    [
      "hello",
      "1:1: error: expected fields such as _format_version, services and plugins at the top, found a single value",
    ],
    [
      'a: b\nkey: "****** (sluice:0123456789abcdef)"',
      "2:7: error: here a secret is covered: put the secret in, or read the file from the admin API with the header Sluice-Secrets: plain",
    ],
    ["a: b\nPK\u0003\u0004\u0000", "2:3: error: the file is not a text: it holds the character U+0003"],
  ])("refuses %j", (text, message) => {
    const result = load(text);
    expect(result.config).toBeUndefined();
    expect(lines(text)).toEqual([expect.stringContaining(`gateway.yaml:${message}`)]);
  });

  it("refuses a huge file, deep nesting, and a small file that grows by aliases", () => {
    expect(lines("a".repeat(17 * 1024 * 1024))[0]).toContain("too large");
    expect(lines("[".repeat(20_000))).toEqual([
      "gateway.yaml:1:101: error: the file is nested too deeply from here on",
    ]);
    expect(lines(`${head}_info: ${"[".repeat(200)}${"]".repeat(200)}`)).toEqual([
      expect.stringContaining("2:108: error: the file is nested"),
    ]);
    expect(lines(Array.from({ length: 990 }, (_, level) => `${" ".repeat(level)}a:`).join("\n"))).toEqual([
      "gateway.yaml:302:301: error: the file is nested too deeply from here on",
    ]);
    expect(lines("- ".repeat(140)).join()).toContain("nested at most 100 deep");
    expect(lines(`${head}_comment: "${"[{".repeat(500)}"\nservice: []\n`)).toEqual([
      expect.stringContaining("unknown field `service`"),
    ]);
    const bomb = Array.from(
      { length: 9 },
      (_, index) => `a${index}: &a${index} [${Array(9).fill(index === 0 ? "x" : `*a${index - 1}`)}]`,
    );
    expect(lines(head + bomb.join("\n")).join()).toContain("is too big");
    expect(lines(`${head}services: &s [*s]\n`).join()).toMatch(/error/);
  });

  it("never throws, whatever it is given", () => {
    for (const text of [
      "\uFEFF",
      "{",
      "a: &a *a",
      "? [a]: b",
      "<<: x",
      "%YAML 9.9\n---\n",
      "a: !!binary x",
      "__proto__: {a: 1}",
      "--- a\n--- b",
    ]) {
      expect(load(text).config).toBeUndefined();
    }
  });
});

describe("syntax", () => {
  it("refuses a second document, which would go unread", () => {
    expect(lines(`${head}services: []\n---\nservices: []\n`)).toEqual([
      expect.stringMatching(/^gateway\.yaml:3:1: error: another document begins here/),
    ]);
    expect(lines(`---\n${head}services: []\n...\n`)).toEqual([]);
  });

  it("points at YAML errors in the original file, without quoting it", () => {
    const text = `${head}plugins:\n- name: x\n  config: {a: "\${{ env "DECK_OPENAI_API_KEY" }}\n`;
    const found = lines(text);
    expect(found.length).toBeGreaterThan(0);
    expect(found[0]).toMatch(/^gateway.yaml:\d+:\d+: error: /);
    expect(found.join()).not.toContain("sk-open");
  });

  it("reports a field given twice, and everything else too", () => {
    expect(lines(`${head}services:\n- name: a\n  host: x\n  host: y\n  prot: 1\n`)).toEqual([
      "gateway.yaml:5:3: error: services[0].host: is given twice; keep one of them",
      "gateway.yaml:6:3: error: services[0].prot: unknown field `prot`: did you mean `port`?",
    ]);
  });
});

describe("the top of the file", () => {
  it.each([
    [
      "services: []\n",
      '1:1: error: _format_version: is required but missing: begin the file with _format_version: "3.0"',
    ],
    [
      '_format_version: "1.1"\n',
      '1:18: error: _format_version: must be "3.0", the only version of the format that is read, found 1.1: `sluice convert FILE -o OUT` writes it in this one',
    ],
    [
      "_format_version: 3.0\n",
      '1:18: error: _format_version: expected a text, found a number: put it in quotes, "3.0"',
    ],
    [`${head}service: []\n`, "2:1: error: service: unknown field `service`: did you mean `services`?"],
    [`${head}services: {a: b}\n`, "2:1: error: services: expected a list of services"],
    [`${head}services: [a]\n`, "2:12: error: services[0]: expected the fields of a service"],
  ])("refuses %j", (text, message) => {
    expect(lines(text)).toEqual([expect.stringContaining(message)]);
  });

  it("gives one notice for each kind of entity that nothing acts on", () => {
    const text = `${head}_transform: false\n_info: {select_tags: [a]}\nkeys:\n- name: a\n- name: b\nupstreams: []\npartials: null\nlicenses: [{payload: x}]\n`;
    expect(lines(text)).toEqual([
      "gateway.yaml:2:1: notice: _transform: accepted, not acted on yet",
      "gateway.yaml:4:1: notice: keys: accepted, not acted on yet",
      "gateway.yaml:9:1: notice: licenses: accepted, not acted on yet",
    ]);
    expect(load(text).config).toBeDefined();
  });
});

describe("the workspace of a file", () => {
  it("is default, and another is told to have no effect", () => {
    expect(lines(`${head}_workspace: default\n`)).toEqual([]);
    expect(lines(`${head}_workspace: other\n`)).toEqual([
      "gateway.yaml:2:1: notice: _workspace: accepted, not acted on yet",
    ]);
  });
});

describe("any text", () => {
  it("is answered with a config or with errors, never with both and never with an exception", () => {
    const seed = fixture("seed.yaml");
    const broken = fc
      .tuple(
        fc.nat(seed.length),
        fc.nat(60),
        fc.oneof(
          fc.string(),
          fc.constantFrom("{", "]", "*a", "&a ", "<<: ", "\t", "null", "${{", "|\n", "- "),
        ),
      )
      .map(([at, length, patch]) => seed.slice(0, at) + patch + seed.slice(at + length));
    fc.assert(
      fc.property(fc.oneof(fc.string(), broken, fc.json()), (text) => {
        const { config, problems } = load(text);
        expect(config === undefined).toBe(problems.some(({ severity }) => severity === "error"));
        const count = text.split("\n").length;
        for (const { column, line } of problems) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(count);
          expect(column).toBeGreaterThanOrEqual(1);
        }
        expect(problems.map(({ message }) => message).join()).not.toContain("sk-open");
      }),
      { numRuns: 300 },
    );
  });
});
