/** Contract of the command family. */
import type { SettingFlag } from "./settings.ts";
import type { ExitCode, Terminal } from "./terminal.ts";

export interface CommandFlag {
  readonly name: string;
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** How the value is shown in the help. */
  readonly value?: string;
  readonly help: string;
}

export interface Invocation {
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

export interface Command {
  readonly name: string;
  /** The command line, after `sluice`. */
  readonly usage: string;
  readonly summary: string;
  readonly flags: readonly CommandFlag[];
  /** The process settings that it acts on, which it takes as flags too; left out: none. */
  readonly settings?: readonly SettingFlag[];
  /** How many words it takes beside its flags; left out: it sees to that itself. */
  readonly maxWords?: number;
  /** Throws `UsageError` for a wrong command line; anything else thrown is a failure of the work. */
  run(invocation: Invocation, terminal: Terminal): Promise<ExitCode>;
}
