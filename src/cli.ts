/** The command line: finds the command, reads its flags, turns what it throws into words and an exit code. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import type { Command } from "./commands/command.ts";
import { ConfigFileError } from "./commands/config-file-error.ts";
import { SettingError, settingTable } from "./commands/settings.ts";
import { type ExitCode, type Terminal, UsageError } from "./commands/terminal.ts";
import { nearestName } from "./util/nearest-name.ts";
import { version } from "./util/version.ts";

/** In the order of the help. Each is loaded when it is asked for: most need a small part of what `start` does. */
const commands: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["start", async () => (await import("./commands/start.ts")).start],
  ["check", async () => (await import("./commands/check.ts")).check],
  ["convert", async () => (await import("./commands/convert.ts")).convert],
  ["explain", async () => (await import("./commands/explain.ts")).explain],
  ["prices", async () => (await import("./commands/prices.ts")).prices],
  ["report", async () => (await import("./commands/report.ts")).report],
  ["reload", async () => (await import("./commands/reload.ts")).reload],
  ["simulate", async () => (await import("./commands/simulate.ts")).simulate],
  ["demo", async () => (await import("./commands/demo.ts")).demo],
]);

/** Runs one command line and sets the process's exit code. */
export async function run(args: readonly string[]): Promise<void> {
  const terminal: Terminal = {
    out: (text) => process.stdout.write(text),
    lines: process.stdout,
    err: (text) => process.stderr.write(text),
    env: process.env,
    isTerminal: process.stdout.isTTY === true,
  };
  surviveLostReaders();
  process.exitCode = await runCommand(args, terminal);
}

/**
 * Whoever reads the output may go (`| head`, a log shipper that restarts): no reason to crash, least of all for a
 * gateway that serves. Other failures, such as a full disk, are told.
 */
function surviveLostReaders(): void {
  process.stderr.on("error", () => undefined); // there is nowhere left to tell
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.stderr.write(`sluice: the output is lost: ${error.message}\n`);
  });
}

/** Runs one command line against a terminal. Never throws. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    terminal.out(usage(await Promise.all([...commands.values()].map((load) => load()))));
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-v" || name === "version") {
    terminal.out(`sluice ${version()}\n`);
    return 0;
  }
  const load = commands.get(name);
  if (load === undefined) {
    terminal.err(`sluice: there is no command "${name}". Commands: ${[...commands.keys()].join(", ")}\n`);
    return 2;
  }
  const command = await load();
  try {
    return await invoke(command, rest, terminal);
  } catch (error) {
    return explainFailure(error, command, terminal);
  }
}

async function invoke(command: Command, args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const options: NonNullable<ParseArgsConfig["options"]> = { help: { type: "boolean", short: "h" } };
  for (const { name, type, short } of command.flags)
    options[name] = short === undefined ? { type } : { type, short };
  for (const flag of command.settings ?? []) options[flag] = { type: "string" };
  const { values, positionals } = parsed(args, options);
  if (values["help"] === true) {
    terminal.out(commandHelp(command));
    return 0;
  }
  const surplus = command.maxWords === undefined ? undefined : positionals[command.maxWords];
  if (surplus !== undefined)
    throw new UsageError(`"${surplus}" is one word too many. Usage: sluice ${command.usage}`);
  return command.run(
    { flags: values as Readonly<Record<string, string | boolean | undefined>>, positionals },
    terminal,
  ); // no flag is `multiple`
}

function parsed(args: readonly string[], options: NonNullable<ParseArgsConfig["options"]>) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const [, unknown] = isParseArgsError(error)
      ? (/^Unknown option '(-[^']*)'/.exec(error.message) ?? [])
      : [];
    if (unknown === undefined) throw error;
    // Node's own words go on about arguments that begin with a dash, which is not what somebody has mistyped.
    const meant = nearestName(unknown.replace(/^-+/, ""), Object.keys(options));
    const advice = meant === undefined ? "" : `: did you mean --${meant}?`;
    throw new UsageError(`there is no flag ${unknown}${advice}`, { cause: error });
  }
}

function explainFailure(error: unknown, command: Command, terminal: Terminal): ExitCode {
  if (error instanceof ConfigFileError) {
    terminal.err(`${error.message}\n`);
    return 1;
  }
  const message = error instanceof Error ? error.message : String(error);
  terminal.err(`sluice ${command.name}: ${message}\n`);
  if (error instanceof UsageError || isParseArgsError(error)) {
    terminal.err(`See: sluice ${command.name} --help\n`);
    return 2;
  }
  return error instanceof SettingError ? 2 : 1;
}

function isParseArgsError(error: unknown): error is TypeError {
  return error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
}

function usage(all: readonly Command[]): string {
  const lines = all.map((command) => `  ${command.usage.padEnd(34)}${command.summary}`);
  return `sluice: an AI gateway that sends every prompt to the cheapest model fit to answer it\n\n${lines.join("\n")}\n\nsluice COMMAND --help says more.\n`;
}

function commandHelp(command: Command): string {
  const flags = command.flags.map(({ name, short, value, help }) => {
    const long = value === undefined ? `--${name}` : `--${name} ${value}`;
    return `  ${(short === undefined ? long : `-${short}, ${long}`).padEnd(30)}${help}`;
  });
  const settings = settingTable
    .filter(({ flag }) => command.settings?.includes(flag))
    .map(
      ({ flag, env, fallback, help }) =>
        `  ${`--${flag}`.padEnd(22)}${help} (${env}; default ${fallback === "" ? "none" : fallback})`,
    );
  return [
    `sluice ${command.usage}`,
    "",
    command.summary,
    ...(flags.length > 0 ? ["", ...flags] : []),
    ...(settings.length > 0
      ? ["", "Process settings (flag, else environment variable, else default):", ...settings]
      : []),
    "",
  ].join("\n");
}
