/** `sluice simulate`: a model vendor on this machine, for development. */
import { loadLocalModel } from "../embedders/local/model.ts";
import { readSimulatorFlags, simulatorFlags } from "../simulator/options.ts";
import { startSimulator } from "../simulator/simulator.ts";
import type { Command, Invocation } from "./command.ts";
import { terminalLog } from "./runtime.ts";
import { waitForStop } from "./signals.ts";
import { UsageError } from "./terminal.ts";

export const simulate: Command = {
  name: "simulate",
  usage: "simulate [--port N]",
  summary: "Run a model vendor for development: chat, messages and embeddings without a key.",
  maxWords: 0,
  flags: simulatorFlags.map(({ name, type, default: fallback, description }) => ({
    name,
    type: type === "boolean" ? "boolean" : "string",
    ...(type !== "boolean" && { value: type === "number" ? "N" : "TEXT" }),
    help: fallback === undefined || fallback === false ? description : `${description} (default ${fallback})`,
  })),
  async run({ flags }, terminal) {
    const options = readFlags(flags);
    const model = loadLocalModel();
    const simulator = await startSimulator({
      ...options,
      now: () => Date.now(),
      embed: (text) => model.embed(text),
    });
    const stopped = waitForStop({ log: terminalLog(terminal, "info", terminal.isTerminal) });
    terminal.out(
      terminal.isTerminal
        ? `ready  simulator ${simulator.url}\n`
        : `${JSON.stringify({ message: "ready", simulator: simulator.url })}\n`,
    );
    await stopped;
    await simulator.close();
    return 0;
  },
};

function readFlags(flags: Invocation["flags"]): ReturnType<typeof readSimulatorFlags> {
  try {
    return readSimulatorFlags(Object.fromEntries(Object.entries(flags).filter(([name]) => name !== "help")));
  } catch (cause) {
    throw cause instanceof TypeError ? new UsageError(cause.message, { cause }) : cause;
  }
}
