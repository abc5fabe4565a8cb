// Compiles the project and one benchmark, then runs it: node benchmarks/run.mjs NAME [options]
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "..");
// A package of its own with the layout of the published one, so that a build elsewhere cannot disturb a measurement.
const built = join(here, "dist");

const names = readdirSync(here, { withFileTypes: true })
  .map((entry) => (entry.isDirectory() ? entry.name : entry.name.replace(/\.ts$/, "")))
  .filter((name) => entryOf(join(here, name), ".ts") !== undefined)
  .sort();

const [name, ...options] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  process.stderr.write(`usage: node benchmarks/run.mjs ${names.join("|")} [options]\n`);
  process.exit(2);
}

build();
const entry = entryOf(join(built, "benchmarks", name), ".js");
if (entry === undefined) throw new Error(`benchmark ${name} was not compiled`);
const { status, signal } = spawnSync(process.execPath, [entry, ...options], { stdio: "inherit" });
process.exitCode = status ?? (signal === null ? 0 : 1);

/**
 * A benchmark is a folder with a run.ts, or a single file.
 * @param {string} base
 * @param {string} extension
 */
function entryOf(base, extension) {
  return [join(base, `run${extension}`), `${base}${extension}`].find((path) => existsSync(path));
}

function build() {
  rmSync(built, { recursive: true, force: true });
  mkdirSync(built, { recursive: true });
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  if (!existsSync(compiler)) throw new Error("the dependencies are missing: run `npm ci` first");
  const compiled = spawnSync(process.execPath, [compiler, "-p", join(here, "tsconfig.json")], {
    stdio: "inherit",
  });
  if (compiled.status !== 0) throw new Error("the sources do not compile; the messages above say where");
  cpSync(join(root, "package.json"), join(built, "package.json"));
  cpSync(join(root, "bin"), join(built, "bin"), { recursive: true });
  symlinkSync("src", join(built, "dist"));
  symlinkSync(join(root, "models"), join(built, "models"));
  linkServers(join(root, "test/servers"), join(built, "test/servers"));
}

/**
 * Plain JavaScript beside the compiled `test/support`; file by file, for a link to the folder would bring its TypeScript
 * where the type check of the project looks.
 * @param {string} from
 * @param {string} to
 */
function linkServers(from, to) {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from).filter((each) => each.endsWith(".mjs")))
    symlinkSync(join(from, name), join(to, name));
}
