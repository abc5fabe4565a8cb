/** `sluice reload`: has a running gateway read its file again, and says what came of it. */
import type { ReloadResult } from "../admin/reload.ts";
import { askAdmin } from "./ask-admin.ts";
import type { Command } from "./command.ts";
import { type RunFile, readRunFile, unreachable } from "./run-file.ts";
import { readSettings } from "./settings.ts";

/** A reload waits at most 10 s for plugins, with workers a little longer; more than that and something is wrong. */
const deadlineMs = 30_000;

export const reload: Command = {
  name: "reload",
  usage: "reload [--prefix DIR]",
  summary: "Have the running gateway read its config file again.",
  settings: ["prefix", "admin-token"],
  maxWords: 0,
  flags: [],
  async run({ flags }, terminal) {
    const settings = readSettings(flags, terminal.env, terminal.isTerminal);
    const { prefix } = settings;
    const running = readRunFile(prefix);
    const { pid, admin } = running;
    if (admin === undefined) {
      signalReload(running, prefix);
      terminal.out(
        `process ${pid} was told to reload; it has no admin listener, so its log says what came of it\n`,
      );
      return 0;
    }
    const { body } = await askAdmin({ running, settings, path: "/reload", deadlineMs });
    const result = body as ReloadResult; // our own admin listener answers so
    for (const message of result.messages) (result.ok ? terminal.out : terminal.err)(`${message}\n`);
    return result.ok ? 0 : 1;
  },
};

function signalReload(running: RunFile, prefix: string): void {
  try {
    process.kill(running.pid, "SIGHUP");
  } catch (cause) {
    throw unreachable(running, prefix, cause);
  }
}
