/** `sluice convert`: what of a file of Kong's works here, and a file that does. */
import { existsSync, realpathSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "./command.ts";
import { configPath, readConfigText } from "./config-file.ts";
import { ConfigFileError } from "./config-file-error.ts";
import { type Conversion, convert as convertText } from "./convert/conversion.ts";
import { words } from "./convert/findings.ts";
import { UsageError } from "./terminal.ts";

const usage = "convert FILE [-o OUT] [--json]";

export const convert: Command = {
  name: "convert",
  usage,
  summary: "Say what of a Kong file works here, and write one that does.",
  maxWords: 1,
  flags: [
    {
      name: "output",
      short: "o",
      type: "string",
      value: "OUT",
      help: "write a file that loads here (.json: as JSON)",
    },
    { name: "json", type: "boolean", help: "print the findings as JSON" },
  ],
  async run({ flags, positionals }, terminal) {
    const path = configPath(undefined, positionals[0], usage);
    const output = outputPath(flags["output"], path);
    const conversion = convertText(readConfigText(path), path, terminal.env);
    if (output !== undefined) write(output, conversion);
    const isWhole = conversion.findings.every(({ group }) => group !== "unsupported");
    const lines = flags["json"] === true ? [asJson(path, conversion)] : report(path, conversion, output);
    terminal.out(`${lines.join("\n")}\n`);
    return isWhole ? 0 : 1;
  },
};

function outputPath(given: string | boolean | undefined, source: string): string | undefined {
  if (typeof given !== "string") return undefined;
  if (given === "") throw new UsageError("-o needs the name of a file");
  if (placeOf(given) === placeOf(source))
    throw new UsageError("-o would overwrite the file that is read: give another name");
  return given;
}

/** Where the path leads; where there is nothing yet, the path itself. */
function placeOf(path: string): string {
  return existsSync(path) ? realpathSync(path) : resolve(path);
}

function write(output: string, { document }: Conversion): void {
  try {
    writeFileSync(output, output.endsWith(".json") ? document.json() : document.text());
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigFileError(`${output}: cannot be written: ${reason}`);
  }
}

function report(
  path: string,
  { findings, variables }: Conversion,
  output: string | undefined,
): readonly string[] {
  const open = variables.length === 0 ? [] : ["", `Not set here, so not checked: ${variables.join(", ")}`];
  const written = output === undefined ? [] : ["", `${output} is written: sluice check ${output}`];
  return [...words(path, findings), ...open, ...written];
}

function asJson(file: string, { findings, variables }: Conversion): string {
  const isSupported = findings.every(({ group }) => group !== "unsupported");
  return JSON.stringify({ file, supported: isSupported, variables, findings }, null, 2);
}
