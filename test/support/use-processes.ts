/** Set-up of tests with real processes: one build and one simulator for a file or a group, a workplace for each test or for all. */
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

/** Hands the parts over before each test, with a workplace of its own. The simulator's rules and journal are new each time. */
export function useProcesses(take: (parts: ProcessParts) => void): void {
  const prepared = usePrepared();
  let workplace: Workplace;
  beforeEach(() => {
    const parts = openWorkplace(prepared());
    workplace = parts.workplace;
    take(parts);
  });
  afterEach(() => workplace.dispose());
}

/**
 * Hands the parts over once, with a workplace whose processes all tests of the group share; `begin` starts them. The
 * simulator's rules and journal are new for each test.
 */
export function useSharedProcesses(
  take: (parts: ProcessParts) => void,
  begin: () => Promise<unknown> = async () => undefined,
): void {
  const prepared = usePrepared();
  let workplace: Workplace | undefined;
  beforeAll(async () => {
    const parts = openWorkplace(prepared());
    workplace = parts.workplace;
    take(parts);
    await begin();
  });
  afterAll(() => workplace?.dispose());
}

type Prepared = Omit<ProcessParts, "workplace">;

function usePrepared(): () => Prepared {
  let command: Command | undefined;
  let simulator: Simulator | undefined;
  beforeAll(async () => {
    command = await buildCommand();
    simulator = await startSimulator({ now: Date.now, embed: embedLocally });
  });
  afterAll(async () => {
    await simulator?.close();
  });
  beforeEach(() => simulator?.reset());
  return () => {
    if (command === undefined || simulator === undefined)
      throw new Error("nothing is prepared before a test");
    return { command, simulator };
  };
}

function openWorkplace(prepared: Prepared): ProcessParts {
  const workplace = createWorkplace(prepared.command);
  workplace.write(chatConfig([openaiTarget(chatUrl(prepared.simulator.url))]));
  return { ...prepared, workplace };
}
