/** The published examples of AI Proxy Advanced, in files of our own: what of them loads, and what is said of the rest. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { formatProblem, loadConfig } from "../src/config/load.ts";
import { plugins } from "../src/plugins/index.ts";
import { supportedExamples } from "./support/public-examples.ts";

const folder = new URL("fixtures/config/public-examples/", import.meta.url);
const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));

/** Every variable has a value that fits where the examples use it. */
const env = new Proxy({}, { get: (_target, name) => `value-of-${String(name).toLowerCase()}` });

/** Mistakes of the published files, as their readers reported them, and what points at each. */
const mistaken: Readonly<Record<string, RegExp>> = {
  "sdk-multiple-azure-deployments.yaml":
    /plugins\[0\]\.config: expected a block of fields, found a list: [\s\S]*config\[1\]\.targets\[0\]\.model\.options\.zure_instance: unknown field `zure_instance`: did you mean `azure_instance`\?/,
  "sdk-two-routes.yaml": /targets\[0\]\.targets: unknown field `targets` here: it belongs in the level above/,
  "video-generation-openai.yaml": /options\.seconds: unknown field `seconds`/,
};

const isSupported = (name: string) => (supportedExamples as readonly string[]).includes(name);

function load(name: string) {
  return loadConfig(readFileSync(new URL(name, folder), "utf8"), { file: name, env, plugins });
}

const problemsOf = (name: string) => load(name).problems.map(formatProblem);

describe("the published examples", () => {
  it("are all there", () => {
    expect(files).toHaveLength(59);
    expect([...supportedExamples, ...Object.keys(mistaken)].filter((name) => !files.includes(name))).toEqual(
      [],
    );
  });

  it.each(supportedExamples)("%s loads without an error", (name) => {
    const { config, problems } = load(name);
    expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(config?.plugins).toHaveLength(1);
    expect(config?.routes).toHaveLength(1);
  });

  it.each(Object.entries(mistaken))("%s is refused for its mistake", (name, message) => {
    expect(problemsOf(name).join("\n")).toMatch(message);
  });

  it.each(files.filter((name) => !isSupported(name) && mistaken[name] === undefined))(
    "%s is refused for what this version lacks, and for nothing else",
    (name) => {
      const errors = load(name).problems.filter(({ severity }) => severity === "error");
      expect(errors).not.toEqual([]);
      for (const { message } of errors)
        expect(message).toMatch(/is not supported by this version \(supported: /);
    },
  );

  it("get these messages", async () => {
    const text = files
      .map((name) => `${problemsOf(name).join("\n") || `${name}: nothing to say`}\n`)
      .join("\n");
    expect(text).not.toMatch(/value-of-/);
    await expect(text).toMatchFileSnapshot("fixtures/config/public-examples/messages.txt");
  });
});
