/**
 * Writes `schema/` and `docs/reference/` from the definitions in `src/`.
 * `--check` writes nothing and fails when the files that are there differ.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { openApiDocument } from "./admin/openapi.ts";
import { fileJsonSchema } from "./config/json-schema.ts";
import { referencePages } from "./config/reference.ts";
import { plugins } from "./plugins/index.ts";
import type { PluginDefinition } from "./plugins/plugin.ts";

const referenceFolder = "docs/reference";

/** Path from the project's root → text, of every generated file. */
export function generatedFiles(definitions: readonly PluginDefinition[]): ReadonlyMap<string, string> {
  const files = new Map([
    ["schema/config.json", `${JSON.stringify(fileJsonSchema(definitions), null, 2)}\n`],
    ["schema/admin.openapi.json", `${JSON.stringify(openApiDocument(definitions), null, 2)}\n`],
  ]);
  for (const [name, text] of referencePages(definitions)) files.set(`${referenceFolder}/${name}`, text);
  return files;
}

/** Paths of files that are missing, differ, or are left over from something that is gone. */
export function staleFiles(root: string, files: ReadonlyMap<string, string>): readonly string[] {
  const changed = [...files].filter(([path, text]) => read(join(root, path)) !== text).map(([path]) => path);
  const leftOver = listFiles(root, referenceFolder).filter((path) => !files.has(path));
  return [...changed, ...leftOver];
}

/** Writes the files and removes what is left over. */
export function writeFiles(root: string, files: ReadonlyMap<string, string>): void {
  for (const path of staleFiles(root, files)) {
    const text = files.get(path);
    const target = join(root, path);
    if (text === undefined) {
      rmSync(target);
      continue;
    }
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function listFiles(root: string, folder: string): readonly string[] {
  try {
    return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(root.length + 1)
          .replaceAll("\\", "/"),
      );
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

function main(options: readonly string[]): void {
  const root = process.cwd();
  const files = generatedFiles(plugins);
  const stale = staleFiles(root, files);
  if (!options.includes("--check")) {
    writeFiles(root, files);
    console.log(`${files.size} files generated, ${stale.length} of them changed`);
  } else if (stale.length > 0) {
    console.error(`out of date, run \`npm run generate\`:\n${stale.map((path) => `  ${path}`).join("\n")}`);
    process.exitCode = 1;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  main(process.argv.slice(2));
