/** Set-up of tests with real processes: one build and one simulator for a file, a fresh workplace for each test. */
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { embedLocally } from "./gateway.ts";
import { chatConfig, chatUrl, openaiTarget } from "./gateway-config.ts";
import { buildCommand, type Command, createWorkplace, type Workplace } from "./sluice-process.ts";

export interface ProcessParts {
  readonly command: Command;
  readonly simulator: Simulator;
  /** Holds a config with one target, the simulator. */
  readonly workplace: Workplace;
}

/** Hands the parts over before each test. */
export function useProcesses(take: (parts: ProcessParts) => void): void {
  let command: Command;
  let simulator: Simulator;
  let workplace: Workplace;
  beforeAll(async () => {
    command = await buildCommand();
    simulator = await startSimulator({ now: Date.now, embed: embedLocally });
  });
  afterAll(async () => {
    await simulator.close();
    command.dispose();
  });
  beforeEach(() => {
    simulator.reset();
    workplace = createWorkplace(command);
    workplace.write(chatConfig([openaiTarget(chatUrl(simulator.url))]));
    take({ command, simulator, workplace });
  });
  afterEach(() => workplace.dispose());
}
