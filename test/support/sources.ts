/** The project's own sources as text, for tests that read them. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../src/", import.meta.url));

/** Path below `src/` → text; everything that is shipped, so neither tests nor the contracts that tests run. */
export function readSources(): ReadonlyMap<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: "utf8" });
  const paths = names.map((name) => name.replaceAll("\\", "/")).filter(isShipped);
  return new Map(paths.sort().map((path) => [path, readFileSync(root + path, "utf8")]));
}

function isShipped(path: string): boolean {
  return path.endsWith(".ts") && !/\.(?:test|contract|d)\.ts$/.test(path);
}

/** The same text with comments blanked out; line numbers stay. Strings are told from comments. */
export function withoutComments(text: string): string {
  const token = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(token, (match) =>
    match.startsWith("//") || match.startsWith("/*") ? match.replace(/[^\n]/g, " ") : match,
  );
}
