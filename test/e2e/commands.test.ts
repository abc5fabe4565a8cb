/** The command line: what each command says, and its exit code. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { settingTable } from "../../src/commands/settings.ts";
import { runHere } from "../support/command-line.ts";
import { refusingPort } from "../support/free-port.ts";
import { until } from "../support/gateway.ts";
import { chatConfig, chatUrl, openaiTarget, semanticBlocks, targetKey } from "../support/gateway-config.ts";
import {
  buildCommand,
  type Command,
  Running,
  runCommandLine,
  spawnCommand,
} from "../support/sluice-process.ts";

const example = fileURLToPath(new URL("../../examples/semantic-local/gateway.yaml", import.meta.url));
const env = {
  DECK_OPENAI_API_KEY: "sk-command-line-key",
  DECK_OPENAI_CHAT_URL: "http://127.0.0.1:9/v1/chat/completions",
};

let folder: string;
let command: Command;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-commands-"));
  command = await buildCommand();
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: object | string | Buffer): string {
  const path = join(folder, name);
  const isWritten = typeof content === "string" || Buffer.isBuffer(content);
  writeFileSync(path, isWritten ? content : JSON.stringify(content));
  return path;
}

/** Runs a command line in this process. */
async function run(...args: string[]) {
  const { code, stdout: out, stderr: err } = await runHere(args, env);
  return { code, out, err };
}

describe("check", () => {
  it("says what would run, and ends with 0", async () => {
    const { code, out, err } = await run("check", example);
    expect(code).toBe(0);
    expect(err).toBe("");
    expect(out).toMatch(/gateway\.yaml: ok \(0 warnings, 0 notices\)/);
    expect(out).toContain("route anything  POST /anything");
    expect(out).toContain("balancer semantic");
    expect(out).toMatch(/target openai\/gpt-3\.5-turbo {2}weight 100 {2}"Specialist in python"/);
    expect(out).not.toContain("sk-command-line-key");
  });

  it("says of each target which price holds, and where it is from", async () => {
    const own = { input_cost: 1, output_cost: 2 };
    const vendors = { upstream_url: "https://api.openai.com/v1/chat/completions" };
    const path = file(
      "prices.yaml",
      chatConfig([
        openaiTarget(chatUrl("http://a"), { options: own }),
        openaiTarget(chatUrl("http://a")),
        openaiTarget("", { options: vendors }),
        openaiTarget("", { options: { ...vendors, ...own } }),
        openaiTarget("", { model: "no-such-model", options: vendors }),
        openaiTarget("", { model: "$(headers.x-model)", options: vendors }),
        openaiTarget(chatUrl("http://a"), { model: "$(headers.x-model)" }),
      ]),
    );
    const { code, out } = await run("check", path);
    expect(code).toBe(0);
    expect(out.match(/^ +price.*$/gm)?.map((line) => line.trim())).toEqual([
      "price $1 in, $2 out per 1M tokens (config)",
      expect.stringMatching(/^price unknown, cost will not be counted: .*vendor's own host alone$/),
      expect.stringMatching(
        /^price \$2\.5 in, \$10 out per 1M tokens \(price table, openai\/gpt-4o as of \d{4}-\d\d-\d\d\)$/,
      ),
      expect.stringMatching(
        /^price \$1 in, \$2 out per 1M tokens \(config; the rest in proportion to the price table/,
      ),
      expect.stringMatching(/^price unknown, .*the price table has no openai\/no-such-model$/),
      "price: the price table's for the model of each request, where it has one",
      expect.stringMatching(/^price unknown, .*vendor's own host alone$/),
    ]);
  });

  it("lists plugins in the order they run", async () => {
    const plugins = [
      { name: "key-auth" },
      { name: "ai-rate-limiting-advanced", ordering: { before: { access: ["key-auth"] } } },
    ];
    const limit = { policies: [{ limits: [{ limit: 1, window_size: 60 }] }] };
    const path = file("ordered.yaml", {
      _format_version: "3.0",
      routes: [{ name: "r", paths: ["/r"] }],
      plugins: [plugins[0], { ...plugins[1], config: limit }],
    });
    const { out } = await run("check", path);
    expect(out.match(/^ {4}\S+$/gm)).toEqual(["    ai-rate-limiting-advanced", "    key-auth"]);
  });

  it("takes the file by -c, too", async () => {
    expect(await run("check", "-c", example)).toEqual(await run("check", example));
  });

  it("warns of what would not work as meant, and still ends with 0", async () => {
    const path = file(
      "warns.yaml",
      chatConfig([openaiTarget(chatUrl("http://a"))], { balancer: { failover_criteria: ["http_429"] } }),
    );
    const { code, out } = await run("check", path);
    expect(code).toBe(0);
    expect(out).toMatch(/warning: .*non_idempotent/);
    expect(out).toMatch(/ok \(1 warning, 0 notices\)/);
  });

  it("tells every error with file, line and column, and ends with 1", async () => {
    const path = file("bad.yaml", '_format_version: "3.0"\nservices:\n- name: a\nroutes:\n- name: b\n');
    const { code, out, err } = await run("check", path);
    expect(code).toBe(1);
    expect(out).toBe("");
    expect(err).toContain(`${path}:3:3: error: services[0].host: must set host`);
    expect(err).toContain(`${path}:5:3: error: routes[0]`);
    expect(err).toContain(`${path}: 2 errors; nothing was changed\n`);
  });

  it.each([
    ["is not there", () => join(folder, "nowhere.yaml"), /cannot be read: ENOENT/],
    ["is a folder", () => folder, /cannot be read: EISDIR/],
    ["is empty", () => file("empty.yaml", ""), /the file is empty/],
    [
      "is in another encoding",
      () => file("latin.yaml", Buffer.from('_format_version: "3.0" # größer', "latin1")),
      /latin\.yaml: is not in UTF-8: save it in that encoding/,
    ],
    [
      "is what PowerShell has written",
      () => file("utf16.yaml", Buffer.from('\ufeff_format_version: "3.0"', "utf16le")),
      /utf16\.yaml: is not in UTF-8, but in UTF-16: save it/,
    ],
    [
      "is that with its bytes the other way round",
      () => file("utf16be.yaml", Buffer.from('\ufeff_format_version: "3.0"', "utf16le").swap16()),
      /utf16be\.yaml: is not in UTF-8, but in UTF-16: save it/,
    ],
    ["is no YAML", () => file("no.yaml", "a: [1\nb: }"), /no\.yaml:\d+:\d+: error/],
    ["is of another version", () => file("old.yaml", '_format_version: "1.1"'), /_format_version/],
  ])("ends with 1 when the file %s, and says so", async (_name, path, message) => {
    const { code, err } = await run("check", path());
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err).not.toMatch(/^\s+at /m);
  });

  it("shows what runs for single callers, and never a key", async () => {
    const chat = {
      name: "ai-proxy",
      config: { route_type: "llm/v1/chat", model: { provider: "openai", name: "m" } },
    };
    const config = (more: readonly object[]) => ({
      _format_version: "3.0",
      routes: [{ name: "r", paths: ["/r"] }],
      consumers: [
        { username: "alice", plugins: [chat], keyauth_credentials: [{ key: "sk-inline" }] },
        ...more,
      ],
      consumer_groups: [{ name: "gold", plugins: [chat] }],
      plugins: [{ name: "key-auth" }],
    });
    const good = await run("check", file("callers.yaml", config([])));
    expect(good.code).toBe(0);
    const lines = good.out.split("\n").filter((line) => /^ {4}\w/.test(line));
    expect(lines).toEqual([
      "    key-auth",
      "    ai-proxy, for consumer alice",
      "    ai-proxy, for group gold",
    ]);
    const twice = [{ username: "bob", keyauth_credentials: [{ key: "sk-inline" }] }];
    const bad = await run("check", file("twice.yaml", config(twice)));
    expect(bad.code).toBe(1);
    expect(bad.err).toContain("another keyauth credential has the key already");
    expect(good.out + good.err + bad.out + bad.err).not.toContain("sk-inline");
  });

  it("names the right name for a misspelt list of entities in an entity", async () => {
    const text = '_format_version: "3.0"\nservices:\n- name: a\n  host: h\n  routs: []\n';
    const { err } = await run("check", file("routs.yaml", text));
    expect(err).toContain("did you mean `routes`?");
  });
});

describe("explain", () => {
  it("tells candidates, threshold, margin, target and reason", async () => {
    const { code, out } = await run("explain", "How do I write a Python function?", "-c", example);
    expect(code).toBe(0);
    expect(out).toMatch(/^ai-proxy-advanced \(semantic\)\n/);
    expect(out).toMatch(/ {2}0\.\d{4} {2}within {2}"Specialist in python" +openai\/gpt-3\.5-turbo/);
    expect(out).toMatch(/ {2}\d\.\d{4} {2}beyond {2}"Requests related to IT support" +openai\/gpt-4o/);
    expect(out).toMatch(/^threshold {2}0\.7 \(cosine\)$/m);
    expect(out).toMatch(/^margin {5}\d\.\d{4} to the runner-up$/m);
    expect(out).toMatch(/^why {8}matched: /m);
    expect(out).toMatch(/^target {5}openai\/gpt-3\.5-turbo$/m);
  });

  it("as JSON tells the same to programs", async () => {
    const { code, out } = await run("explain", "What's the weather like today?", "-c", example, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      plugin: "ai-proxy-advanced",
      algorithm: "semantic",
      target: "openai/gpt-4o-mini",
      decision: { reason: "catchall", threshold: 0.7, groups: [{ within: false }, { within: false }] },
    });
  });

  it("with a model narrows the choice, or tells the error a client would get", async () => {
    const narrowed = await run("explain", "Hello", "-c", example, "--model", "gpt-4o", "--json");
    expect(JSON.parse(narrowed.out)).toMatchObject({ target: "openai/gpt-4o", decision: { reason: "only" } });
    const refused = await run("explain", "Hello", "-c", example, "--model", "gpt-9");
    expect(refused.code).toBe(1);
    expect(refused.out).toContain(
      "target     none: 400 cannot use own model - must be: gpt-3.5-turbo, gpt-4o",
    );
  });

  it("ends with 1 when no target fits", async () => {
    const path = file(
      "strict.yaml",
      chatConfig([openaiTarget(chatUrl("http://a"), { description: "Specialist in python" })], {
        ...semanticBlocks({ threshold: 0.01 }),
      }),
    );
    const two = await run("explain", "Write a short poem", "-c", path);
    // One group leaves nothing to choose.
    expect(two).toMatchObject({ code: 0 });
    expect(two.out).not.toContain(targetKey);
  });

  it("ends with 2 and says which there are when no plugin has the name", async () => {
    const { code, err } = await run("explain", "Hello", "-c", example, "--plugin", "nobody");
    expect(code).toBe(2);
    expect(err).toMatch(/no plugin is called "nobody"; there are: /);
  });
});

describe("prices", () => {
  it("lists every model with its prices and their date", async () => {
    const { code, out, err } = await run("prices");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^provider +model +input +output +cached +as of$/m);
    expect(out).toMatch(/^openai +gpt-4o-mini +0\.15 +0\.6 +0\.075 +\d{4}-\d\d-\d\d$/m);
    const { out: json } = await run("prices", "--json");
    expect(JSON.parse(json)).toContainEqual(
      expect.objectContaining({ provider: "openai", model: "gpt-4o-mini", input: 0.15, output: 0.6 }),
    );
  });

  it("says everything of one model, whoever has it and by whatever of its names", async () => {
    const { code, out } = await run("prices", "gpt-4o-2024-08-06");
    expect(code).toBe(0);
    expect(out).toMatch(/^openai\/gpt-4o$/m);
    expect(out).toMatch(/^azure\/gpt-4o$/m);
    expect(out).toMatch(/^standard +2\.5 +10 +1\.25$/m);
    expect(out).toMatch(/^tier batch +1\.25 +5$/m);
    expect(out).toMatch(/^USD per 1M tokens, as of \d{4}-\d\d-\d\d, from /m);
    expect(out).toMatch(/^see https:\/\//m);
    const one = await run("prices", "openai/gpt-4o", "--json");
    expect(JSON.parse(one.out)).toMatchObject([{ provider: "openai", model: "gpt-4o", cache_read: 1.25 }]);
  });

  it("ends with 1 where nobody has the model, and names what is near", async () => {
    const { code, out } = await run("prices", "claude-sonet-4-5");
    expect(code).toBe(1);
    expect(out).toContain('There is no price for "claude-sonet-4-5": its cost is unknown');
    expect(out).toContain("Near it: anthropic/claude-sonnet-4-5");
    const json = await run("prices", "gpt-4o-min", "--json");
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      matches: [],
      near: expect.arrayContaining(["openai/gpt-4o-mini"]),
    });
  });

  const theirs = (input: number) => ({
    "gpt-4o": {
      litellm_provider: "openai",
      mode: "chat",
      input_cost_per_token: input,
      output_cost_per_token: 1e-5,
    },
    "gpt-99": {
      litellm_provider: "openai",
      mode: "chat",
      input_cost_per_token: 1e-6,
      output_cost_per_token: 2e-6,
    },
    other: { litellm_provider: "somebody", mode: "chat", input_cost_per_token: 1, output_cost_per_token: 1 },
  });

  it("import ends with 0 where a public table says the same, and tells what is lacking here", async () => {
    const { code, out } = await run("prices", "import", file("same.json", theirs(2.5e-6)));
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}openai\/gpt-99 +1 +2$/m);
    expect(out).toContain(
      "1 compared, 0 disagree (in 0 prices) · 1 are not in the table here · 1 are of other",
    );
  });

  it("import ends with 1 where it says something else, and shows both and their ratio", async () => {
    const { code, out } = await run("prices", "import", file("other.json", theirs(5e-6)));
    expect(code).toBe(1);
    expect(out).toMatch(/^openai\/gpt-4o +input +2\.5 +5 +2\.000$/m);
    const dev = { openai: { models: { "gpt-4o": { cost: { input: 2.5, output: 20 } } } } };
    const json = await run("prices", "import", file("dev.json", dev), "--json");
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      format: "models_dev",
      counts: { disagreements: 1, lacking: 0, compared: 1, others: 0 },
      disagreements: [
        { provider: "openai", model: "gpt-4o", field: "output", ours: 10, theirs: 20, ratio: 2 },
      ],
    });
  });

  it.each([
    ["is not there", () => join(folder, "nowhere.json"), /cannot be read: ENOENT/],
    ["is no JSON", () => file("no.json", "{"), /no\.json is not JSON: /],
    [
      "is something else",
      () => file("else.json", { a: 1 }),
      /is no price table that is known here: expected LiteLLM's/,
    ],
  ])("import ends with 1 when the file %s, and says so", async (_name, path, message) => {
    const { code, out, err } = await run("prices", "import", path());
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(message);
    expect(err).not.toMatch(/^\s+at /m);
  });
});

const names = ["start", "check", "convert", "explain", "prices", "report", "reload", "simulate", "demo"];

describe("a wrong command line", () => {
  it.each([
    [
      ["frobnicate"],
      /there is no command "frobnicate"\. Commands: start, check, convert, explain, prices, report, reload, simulate, demo/,
    ],
    [["start", "--watch"], /--watch is for a file: give it with -c FILE/],
    [["check"], /which config file\? Usage: sluice check FILE/],
    [["explain", "-c", example], /one prompt, in quotes/],
    [["explain", "two", "words", "-c", example], /one prompt, in quotes/],
    [["start", "-c", example, "--port", "80"], /there is no flag --port\n/],
    [["start", "--confg", example], /there is no flag --confg: did you mean --config\?/],
    [["start", "-x", example], /there is no flag -x\n/],
    [["check", example, "other.yaml"], /"other\.yaml" is one word too many\. Usage: sluice check FILE/],
    [["reload", "gateway.yaml"], /"gateway\.yaml" is one word too many\. Usage: sluice reload/],
    [["start", "-c"], /'-c, --config <value>' argument missing/],
    [["check", example, "--json=yes"], /json/],
    [["check", "-c", example, "other.yaml"], /two config files, .*gateway\.yaml and other\.yaml: give one/],
    [["start", "-c", example, "other.yaml"], /two config files, .*gateway\.yaml and other\.yaml: give one/],
    [["start", "-c", ""], /the name of the config file is empty/],
    [["check", ""], /the name of the config file is empty/],
    [["report", "--proxy-listen", "127.0.0.1:0"], /there is no flag --proxy-listen\n/],
    [["demo", "--prefix", "x"], /there is no flag --prefix\n/],
    [["start", "-c", example, "--proxy-listen", "eighty"], /--proxy-listen: "eighty" is not an address/],
    [["start", "-c", example, "--proxy-listen", "a:99999"], /--proxy-listen: "a:99999" is not an address/],
    [
      ["start", "-c", example, "--admin-listen", "0.0.0.0:8001"],
      /--admin-listen: 0\.0\.0\.0 is not a loopback address/,
    ],
    [
      ["start", "-c", example, "--log-level", "loud"],
      /--log-level: "loud" is not one of debug, info, warn, error/,
    ],
    [
      ["start", "-c", example, "--stop-timeout", "5s"],
      /--stop-timeout: "5s" is not a number of milliseconds/,
    ],
    [["simulate", "--fail-rate", "2"], /failRate|fail-rate/],
    [["prices", "import"], /one FILE, a public price table as JSON/],
    [["prices", "two", "models"], /one MODEL, as its vendor names it/],
  ])("%j ends with 2 and says what would be right", async (args, message) => {
    const { code, out, err } = await run(...args);
    expect(err).toMatch(message);
    expect(err).not.toMatch(/^\s+at /m);
    expect({ code, out }).toEqual({ code: 2, out: "" });
  });

  it("without a command shows the commands and ends with 2; asked for, with 0", async () => {
    const bare = await run();
    const asked = await run("--help");
    expect(bare.code).toBe(2);
    expect(asked.code).toBe(0);
    expect(asked.out).toBe(bare.out);
    for (const name of names) expect(asked.out).toMatch(new RegExp(`^ {2}${name} `, "m"));
  });

  it.each(names)("%s --help says what it takes", async (name) => {
    const { code, out } = await run(name, "--help");
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^sluice ${name}`));
  });

  it("--help shows the settings that a command acts on, and no default that is not there", async () => {
    const shown = async (name: string) =>
      [...(await run(name, "--help")).out.matchAll(/^ {2}--([\w-]+) .*\(SLUICE_/gm)].map(([, flag]) => flag);
    expect(await shown("reload")).toEqual(["admin-token", "prefix"]);
    expect(await shown("report")).toEqual(["prefix", "ledger", "ledger-password"]);
    expect(await shown("start")).toHaveLength(settingTable.length);
    expect(await shown("demo")).toEqual(["proxy-listen"]);
    expect((await run("demo", "--help")).out).toContain("default 127.0.0.1:8000, with --once any free port");
    expect((await run("start", "--help")).out).toContain("(SLUICE_ADMIN_TOKEN; default none)");
  });

  it("--version tells the version", async () => {
    expect(await run("--version")).toEqual({
      code: 0,
      out: expect.stringMatching(/^sluice \d+\.\d+\.\d+\n$/),
      err: "",
    });
  });
});

describe("the real command", () => {
  it("demo --once shows nine prompts that went right, what was saved, and ends with 0", async () => {
    const { code, stdout, stderr } = await runCommandLine(command, ["demo", "--once"]);
    expect(stderr).toBe("");
    expect(stdout).toContain("9 of 9 prompts went where they should.");
    expect(stdout).toMatch(/Saved \$0\.\d+ of \$0\.\d+ \(\d+ %\)/);
    expect(stdout.match(/ gpt-3\.5-turbo /g)).toHaveLength(3);
    expect(stdout.match(/ gpt-4o-mini /g)).toHaveLength(3);
    expect(code).toBe(0);
  });

  it("on a Node that is too old says which one it needs", async () => {
    const old = 'Object.defineProperty(process.versions, "node", { value: "18.20.8" })';
    const { code, stdout, stderr } = await runCommandLine(command, ["check", example], {
      env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(old)}` },
    });
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: "",
      stderr: "sluice: this needs Node.js 20.18.1 or newer, and is run by 18.20.8.\n",
    });
  });

  it("demo on a port that is taken says so and ends with 1", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo; // it listens on TCP
    const { code, err } = await run("demo", "--once", "--proxy-listen", `127.0.0.1:${port}`);
    taken.close();
    expect(code).toBe(1);
    expect(err).toContain(`cannot listen on 127.0.0.1:${port}`);
    expect(err).toContain("choose another address with --proxy-listen (SLUICE_PROXY_LISTEN)");
  });

  it("demo --live without a key ends with 2 and says what is missing", async () => {
    const { code, err } = await run("demo", "--once", "--live");
    expect(err).toContain("--live needs OPENAI_API_KEY");
    expect(code).toBe(2);
  });

  it("simulate answers until it is told to stop", async () => {
    const running = new Running(spawnCommand(command, ["simulate", "--port", "0", "--seed", "7"]));
    await until(() => running.stdout.includes("\n"), "the ready line", 15_000);
    const { simulator } = JSON.parse(running.stdout) as { simulator: string };
    const answer = await request(`${simulator}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "Hi" }] }),
    });
    expect(await answer.body.json()).toMatchObject({ object: "chat.completion" });
    running.child.kill("SIGTERM");
    expect((await running.finished).code).toBe(0);
  });

  it("check ends quietly when nobody reads what it says", async () => {
    const child = spawnCommand(command, ["check", example], { env });
    child.stdout?.destroy();
    const { code, stderr } = await new Running(child).finished;
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });

  it("check of a bad file ends with 1", async () => {
    const { code, stderr, stdout } = await runCommandLine(command, ["check", file("x.yaml", "a: 1")]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain("_format_version");
  });

  it("reload of a gateway that is gone says so and what to do", async () => {
    const prefix = mkdtempSync(join(folder, "gone-"));
    const runFile = join(prefix, "sluice.json");
    const gone = spawn(process.execPath, ["--version"]);
    const { pid } = gone;
    await once(gone, "close");
    for (const content of [{ pid }, { pid, admin: `http://127.0.0.1:${refusingPort}` }]) {
      writeFileSync(runFile, JSON.stringify(content));
      const { code, err } = await run("reload", "--prefix", prefix);
      expect(code).toBe(1);
      expect(err).toMatch(
        new RegExp(`^sluice reload: process ${pid} cannot be reached \\(.+\\): if it is gone, remove `),
      );
      expect(err).toContain(runFile);
    }
  });
});
