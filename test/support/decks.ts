/** Real decKs: which there are, and what one of them does with a gateway. */
import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "vitest";
import { currentDeck, installed } from "../servers/installed.mjs";
import { describeWithServer } from "./server-tests.ts";
import { type Finished, Running } from "./sluice-process.ts";

export interface Deck {
  readonly program: string;
  /** 1: decK 1.4.0, which fills in few defaults and knows no groups, vaults or variables. */
  readonly generation: 1 | "current";
}

/** Runs `body` with each decK that is there: Debian's, which CI must have, and the current one where somebody built it. */
export function describeWithDecks(body: (deck: Deck) => void): void {
  const old = installed("deck");
  describeWithServer(
    "deck",
    "decK 1.4.0",
    () => body({ program: "program" in old ? old.program : "", generation: 1 }),
    { owned: true },
  );
  const current = currentDeck();
  if (!("unavailable" in current)) {
    const title = execFileSync(current.program, ["version"], { encoding: "utf8" }).trim();
    describe(title, () => body({ program: current.program, generation: "current" }));
  } else if (process.env["SLUICE_DECK"]) {
    it("the current decK is there", () => {
      throw new Error(current.unavailable);
    });
  } else
    describe.skip(`the current decK (${current.unavailable})`, () =>
      body({ program: "", generation: "current" }));
}

export interface DeckOptions {
  /** Address of the admin API. */
  readonly admin: string;
  /** For its state files; it looks for settings of the user's own there too, and finds none. */
  readonly folder: string;
  /** What `${{ env "DECK_…" }}` stands for. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What decK says it has done, or would do. */
export interface DeckChanges extends Finished {
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
}

/** One decK before one gateway. State files are given as texts; none of the commands fails by throwing. */
export class DeckClient {
  readonly #deck: Deck;
  readonly #options: DeckOptions;

  constructor(deck: Deck, options: DeckOptions) {
    this.#deck = deck;
    this.#options = options;
  }

  ping(): Promise<Finished> {
    return this.#run("ping", []);
  }

  async sync(state: string, flags: readonly string[] = []): Promise<DeckChanges> {
    return changesOf(await this.#run("sync", [...this.#file(state), ...flags]));
  }

  /** Ends with 2 where there is a difference. */
  async diff(state: string, flags: readonly string[] = []): Promise<DeckChanges> {
    return changesOf(await this.#run("diff", [...this.#file(state), "--non-zero-exit-code", ...flags]));
  }

  validate(state: string): Promise<Finished> {
    return this.#run("validate", this.#file(state));
  }

  reset(flags: readonly string[] = []): Promise<Finished> {
    return this.#run("reset", ["--force", ...flags]);
  }

  /** The state file of what the gateway has. Rejects when decK fails. */
  async dump(flags: readonly string[] = []): Promise<string> {
    const { code, stderr, stdout } = await this.#run("dump", ["-o", "-", ...flags]);
    if (code !== 0) throw new Error(`deck dump ended with ${code}: ${stderr}`);
    return stdout;
  }

  #file(state: string): readonly string[] {
    const path = join(this.#options.folder, "state.yaml");
    writeFileSync(path, this.#deck.generation === 1 ? filledIn(state, this.#options.env ?? {}) : state);
    return this.#deck.generation === 1 ? ["-s", path] : [path];
  }

  #run(verb: string, args: readonly string[]): Promise<Finished> {
    const { admin, env, folder } = this.#options;
    // 1.4.0 does not say that it is decK, so it asks for secrets in so many words.
    const line =
      this.#deck.generation === 1
        ? [verb, "--headers", "Sluice-Secrets:plain"]
        : ["gateway", verb, "--analytics=false"];
    const child = spawn(this.#deck.program, [...line, "--kong-addr", admin, ...args], {
      cwd: folder,
      env: { HOME: folder, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return new Running(child).finished;
  }
}

/** The state file for decK 1.4.0: its version, and values for variables, which later ones fill in by themselves. */
function filledIn(state: string, env: Readonly<Record<string, string>>): string {
  return state
    .replace('_format_version: "3.0"', '_format_version: "1.1"')
    .replaceAll(/\$\{\{ env "(\w+)" \}\}/g, (_, name: string) => {
      const value = env[name];
      if (value === undefined) throw new Error(`the state file wants ${name}, which is not given`);
      return value;
    });
}

function changesOf(finished: Finished): DeckChanges {
  const count = (name: string) =>
    Number(new RegExp(`^ *${name}: (\\d+)$`, "m").exec(finished.stdout)?.[1] ?? Number.NaN);
  return { ...finished, created: count("Created"), updated: count("Updated"), deleted: count("Deleted") };
}
