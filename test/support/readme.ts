/** Reads commands out of a README, so that what people copy is what is tested. */
import { existsSync, readdirSync } from "node:fs";

export interface CurlCommand {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** The code blocks of a language, in order. */
export function codeBlocks(markdown: string, language: string): readonly string[] {
  return [...markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , code = ""]) => code);
}

/** The first curl command of a text. Throws when there is none, or it has a flag that this does not know. */
export function firstCurl(markdown: string): CurlCommand {
  const block = codeBlocks(markdown, "sh").find((code) => code.startsWith("curl "));
  if (block === undefined) throw new Error("no block of shell commands begins with curl");
  const [command = ""] = block.replaceAll("\\\n", " ").split("\n");
  const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((match) =>
    String(match[1] ?? match[2] ?? match[3]),
  );
  const headers: Record<string, string> = {};
  let url: URL | undefined;
  let body: string | undefined;
  for (let at = 1; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "-H") {
      const [name = "", value = ""] = (words[++at] ?? "").split(/:\s*/, 2);
      headers[name] = value;
    } else if (word === "-d") body = words[++at];
    else if (word.startsWith("http")) url = new URL(word);
    else if (!["-i", "-s", "-N"].includes(word))
      throw new Error(`curl ${word}: teach test/support/readme.ts`);
  }
  if (url === undefined) throw new Error(`no URL in ${command}`);
  return { url, headers, body };
}

/** The variables that the text's shell blocks export. */
export function exportedVariables(markdown: string): Readonly<Record<string, string>> {
  const lines = codeBlocks(markdown, "sh").flatMap((code) => code.split("\n"));
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, name, value] = /^export (\w+)=(\S+)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Names of the examples that are to be tried without Redis or PostgreSQL. */
export function examplesWithoutServer(): readonly string[] {
  const folder = new URL("../../examples/", import.meta.url);
  return readdirSync(folder)
    .filter((name) => existsSync(new URL(`${name}/gateway.yaml`, folder)))
    .filter((name) => !["semantic-redis", "semantic-pgvector", "shared-state"].includes(name));
}
