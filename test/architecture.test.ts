import { describe, expect, it } from "vitest";
import { embedderNames, localEmbedderName } from "../src/embedders/names.ts";
import { providerNames } from "../src/providers/names.ts";
import {
  type Exceptions,
  enginesThatNameMembers,
  type Family,
  findCycles,
  importsBeyond,
  importsOf,
  importsOfNothing,
  linesWith,
  membersOf,
  membersThatNameSiblings,
  type Sources,
} from "./support/architecture.ts";
import { readSources, withoutComments } from "./support/sources.ts";

const sources = readSources();

/** Some files of ours in place of all. */
const planted = (files: Readonly<Record<string, string>>): Sources => new Map(Object.entries(files));
const importing = (...paths: string[]) => paths.map((path) => `import { x } from "${path}";`).join("\n");

const families: readonly Family[] = [
  { folder: "balancer/algorithms", contracts: [] },
  { folder: "providers", contracts: ["provider.ts"] },
  { folder: "embedders", contracts: ["embedder.ts"] },
  { folder: "vector-stores", contracts: ["vector-store.ts"] },
  { folder: "ledger", contracts: ["ledger-store.ts", "ledger.ts", "options.ts", "spool.ts"] },
  { folder: "config-store", contracts: ["config-store.ts", "options.ts"] },
  { folder: "plugins", contracts: ["plugin.ts"] },
  { folder: "simulator/endpoints", contracts: [] },
  { folder: "config/entities", contracts: [] },
];

/** Everything that serves all members alike; `embedders/`, `vector-stores/`, `ledger/` and `config-store/` but for their members. */
const isEngine = (path: string) =>
  /^(?:http|router|proxy|accounting|telemetry|llm|util|cloud-identity|redis|postgres|sqlite|sql|embedders|vector-stores|ledger|config-store|providers)\//.test(
    path,
  )
    ? !path.endsWith("/index.ts")
    : /^balancer\/[^/]+\.ts$/.test(path) ||
      path === "plugins/chain.ts" ||
      path === "plugins/plugin.ts" ||
      path === "errors.ts";

/** Members that may build on another. */
const siblings: Exceptions = {
  "plugins/ai-proxy → plugins/ai-proxy-advanced":
    "ai-proxy is the same plugin with one target; it translates its config and is done",
};

const vendors = [...new Set<string>([...providerNames, ...embedderNames])].filter(
  (name) => name !== localEmbedderName,
);
const vendorName = new RegExp(vendors.join("|"), "i");

/** Where a vendor may be named: its adapters, and the simulator that plays it. */
const isVendorPlace = (path: string) => /^(?:providers|embedders|cloud-identity|simulator)\//.test(path);

/** Files that name a vendor all the same. */
const vendorExceptions: Exceptions = {
  "commands/convert/absence.ts": "names of published plugins, some of which have a vendor in them",
  "commands/demo.ts": "the demo runs one example, whose file asks for OpenAI; it sets that file's variables",
  "config/entities/vault.ts": "prefixes that Kong keeps for its own vaults, which are named after vendors",
  "config/published-plugins.ts": "names of published plugins, some of which have a vendor in them",
  "config/reference.ts": "prose of the reference pages, which names the API that our errors look like",
  "plugins/ai-rate-limiting-advanced/config.ts":
    "names in the published schema: the providers that llm_providers may limit",
  "redis/options.ts": "field names of the published schema: signing in to a cloud's Redis",
};

/** The clock, chance, the environment and the network are handed in; these hand them. */
const isWorldPlace = (path: string) =>
  path === "cli.ts" || path === "gateway.ts" || /^(?:commands|util)\//.test(path);
const world = /\bprocess\.env\b|\bDate\.now\b|\bMath\.random\b|(?<![.\w"'])fetch\s*\(|\bglobalThis\.fetch\b/;

describe("the sources", () => {
  it("were found, with their imports", () => {
    expect(sources.size).toBeGreaterThan(60);
    expect(importsOf(sources).length).toBeGreaterThan(sources.size);
    for (const path of ["cli.ts", "gateway.ts", "proxy/chat-proxy.ts", "balancer/algorithms/semantic.ts"])
      expect(sources.has(path)).toBe(true);
  });

  it("import only what is shipped with them", () => {
    expect(importsOfNothing(sources)).toEqual([]);
    expect(
      importsOfNothing(
        planted({
          "a/b.ts": importing("./c.ts", "../../test/support/x.ts", "./b.contract.ts"),
          "a/c.ts": "",
        }),
      ),
    ).toEqual(["a/b.ts → ../test/support/x.ts", "a/b.ts → a/b.contract.ts"]);
  });

  it("are read as they are written: every form of import, and no comment", () => {
    const text = [
      'import "./side.ts";',
      'import type { A } from "./type.ts";',
      'import {\n  b,\n  type C,\n} from "./many.ts";',
      'export * from "./star.ts";',
      'export { d } from "./again.ts";',
      'const e = await import("./later.ts");',
      '// import { f } from "./comment.ts";',
      '/* import { g } from "./block.ts"; */',
      'const text = "// not a comment"; import { h } from "zod";',
    ].join("\n");
    expect(importsOf(planted({ "x.ts": text })).map(({ to }) => to)).toEqual([
      "side.ts",
      "type.ts",
      "many.ts",
      "star.ts",
      "again.ts",
      "later.ts",
    ]);
    expect(withoutComments('a; // b\n"// c" /* d\n */ e')).toBe('a;     \n"// c"     \n    e');
  });
});

describe("imports point down", () => {
  it("without a cycle, types included", () => {
    expect(findCycles(sources)).toEqual([]);
    expect(
      findCycles(
        planted({
          "a.ts": 'import type { B } from "./b.ts";',
          "b.ts": importing("./c.ts"),
          "c.ts": importing("./a.ts"),
        }),
      ),
    ).toEqual(["a.ts → b.ts → c.ts → a.ts"]);
    expect(findCycles(planted({ "a.ts": importing("./a.ts") }))).toEqual(["a.ts → a.ts"]);
    expect(
      findCycles(planted({ "a.ts": importing("./b.ts", "./c.ts"), "b.ts": importing("./c.ts"), "c.ts": "" })),
    ).toEqual([]);
  });

  it("from util to nothing but util", () => {
    expect(importsBeyond(sources, "util/", ["util/"])).toEqual([]);
    expect(
      importsBeyond(planted({ "util/a.ts": importing("./b.ts", "../llm/json.ts", "node:fs") }), "util/", [
        "util/",
      ]),
    ).toEqual(["util/a.ts → llm/json.ts"]);
  });

  it("from the dialect and the errors to nothing but themselves and util", () => {
    for (const where of ["llm/", "errors.ts"])
      expect(importsBeyond(sources, where, ["llm/", "util/", "errors.ts"])).toEqual([]);
    expect(
      importsBeyond(planted({ "errors.ts": importing("./http/reply.ts", "./util/x.ts") }), "errors.ts", [
        "llm/",
        "util/",
        "errors.ts",
      ]),
    ).toEqual(["errors.ts → http/reply.ts"]);
  });

  it("from the engines to contracts, never to members or their lists", () => {
    expect(enginesThatNameMembers(sources, families, isEngine)).toEqual([]);
    const faults = planted({
      "providers/index.ts": importing("./a.ts", "./b/provider.ts", "./provider.ts"),
      "proxy/x.ts": importing("../providers/a.ts", "../providers/provider.ts"),
      "http/x.ts": importing("../providers/b/request.ts"),
      "balancer/pool.ts": importing("./algorithms/index.ts"),
      "plugins/chain.ts": importing("../providers/index.ts"),
      "providers/wire.ts": importing("./a.ts"),
      "plugins/p/create.ts": importing("../../providers/index.ts"),
    });
    expect(enginesThatNameMembers(faults, families, isEngine)).toEqual([
      "proxy/x.ts → providers/a.ts",
      "http/x.ts → providers/b/request.ts",
      "balancer/pool.ts → balancer/algorithms/index.ts",
      "plugins/chain.ts → providers/index.ts",
      "providers/wire.ts → providers/a.ts",
    ]);
  });

  it("from a member never to a sibling, but where it is declared", () => {
    expect(membersThatNameSiblings(sources, families, siblings)).toEqual([]);
    const faults = planted({
      "plugins/index.ts": importing("./a/plugin.ts", "./b.ts", "./plugin.ts"),
      "plugins/a/plugin.ts": importing("./create.ts", "../plugin.ts"),
      "plugins/a/create.ts": importing("../b.ts"),
      "plugins/b.ts": importing("./a/create.ts"),
    });
    expect(membersThatNameSiblings(faults, families, { "plugins/b → plugins/a": "b is built on a" })).toEqual(
      ["plugins/a/create.ts → plugins/b.ts"],
    );
  });

  it("from every family's list, so that its members are known here", () => {
    const members = Object.fromEntries(families.map((family) => [family.folder, membersOf(sources, family)]));
    expect(members["providers"]).toContain("providers/anthropic");
    expect(members["plugins"]).toContain("plugins/ai-proxy-advanced");
    expect(members["balancer/algorithms"]).toContain("balancer/algorithms/semantic");
    for (const family of families) expect(members[family.folder]?.size, family.folder).toBeGreaterThan(0);
  });

  it("with no exception declared that nothing needs", () => {
    expect(membersThatNameSiblings(sources, families, {}).length).toBeGreaterThan(0);
  });
});

describe("the data path", () => {
  const isDataPath = (path: string) => /^(?:http|router|proxy)\//.test(path);
  const ofSchema = (given: Sources) =>
    importsOf(given).filter(({ from, to }) => isDataPath(from) && (to === "zod" || to.startsWith("config/")));

  it("never sees a schema or the config", () => {
    expect(ofSchema(sources)).toEqual([]);
    expect(
      ofSchema(
        planted({ "proxy/x.ts": 'import { z } from "zod";', "http/y.ts": importing("../config/load.ts") }),
      ),
    ).toHaveLength(2);
  });
});

describe("a vendor", () => {
  it("is named by its adapters and the simulator alone, but where it is declared", () => {
    const isAllowed = (path: string) => isVendorPlace(path) || vendorExceptions[path] !== undefined;
    expect(linesWith(sources, vendorName, isAllowed)).toEqual([]);
    const faults = planted({
      "proxy/x.ts": 'if (provider === "openai") x();\n// as Anthropic does',
      "http/y.ts": "const isAzureHost = true;",
      "providers/z.ts": 'const name = "openai";',
    });
    expect(linesWith(faults, vendorName, isAllowed)).toEqual([
      'proxy/x.ts:1: if (provider === "openai") x();',
      "http/y.ts:1: const isAzureHost = true;",
    ]);
  });

  it("is not excused where it is no longer named", () => {
    for (const path of Object.keys(vendorExceptions)) {
      expect(
        linesWith(new Map([[path, sources.get(path) ?? ""]]), vendorName, () => false),
        path,
      ).not.toEqual([]);
    }
  });
});

describe("the clock, chance, the environment and the network", () => {
  it("are handed in, and taken from the machine in few places", () => {
    expect(linesWith(sources, world, isWorldPlace)).toEqual([]);
    const line = (text: string) => linesWith(planted({ "proxy/x.ts": text }), world, isWorldPlace);
    for (const fault of [
      "process.env.X;",
      "Date.now();",
      "const x = Math.random;",
      "await fetch(url);",
      "globalThis.fetch(url)",
    ]) {
      expect(line(fault), fault).toHaveLength(1);
    }
    for (const fine of ["client.fetch(url);", "prefetch(url);", "// Date.now()", "services.wallClock();"])
      expect(line(fine), fine).toEqual([]);
    expect(linesWith(planted({ "util/x.ts": "Date.now();" }), world, isWorldPlace)).toEqual([]);
  });
});
