/** The stores that are compared: a file, and a real server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLedger } from "../../src/ledger/index.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { type LedgerOptions, ledgerOptions } from "../../src/ledger/options.ts";
import { systemSchedule } from "../../src/util/schedule.ts";
import { startServer } from "../../test/support/servers.ts";

export interface LedgerSide {
  readonly name: string;
  /** What the store says it is. */
  readonly server: string;
  readonly ledger: Ledger;
  stop(): Promise<void>;
}

export const fileName = "sqlite";

export interface StartedSides {
  readonly sides: readonly LedgerSide[];
  /** One sentence for each that could not be had. */
  readonly missing: readonly string[];
}

/** The file first. A server that cannot be started is left out, and named. */
export async function startSides(): Promise<StartedSides> {
  const sides = [await startSide(fileName, ledgerOptions.parse({}), async () => undefined)];
  try {
    const server = await startServer("postgres");
    const { host, port, username, password, pathname } = { ...server, ...partsOf(server.url) };
    const postgres = {
      host,
      port,
      user: username,
      database: pathname,
      ...(password === "" ? {} : { password }),
    };
    sides.push(
      await startSide("postgres", ledgerOptions.parse({ strategy: "postgres", postgres }), () =>
        server.stop(),
      ),
    );
    return { sides, missing: [] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { sides, missing: [`postgres is left out: ${reason}`] };
  }
}

function partsOf(url: string) {
  const { username, password, pathname } = new URL(url);
  return {
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    pathname: decodeURIComponent(pathname.slice(1)),
  };
}

async function startSide(
  name: string,
  options: LedgerOptions,
  end: () => Promise<void>,
): Promise<LedgerSide> {
  const prefix = mkdtempSync(join(tmpdir(), "sluice-ledger-benchmark-"));
  const fail = (message: string, facts?: object) => {
    throw new Error(`${message} ${JSON.stringify(facts)}`);
  };
  const ledger = openLedger(options, {
    prefix,
    owner: "benchmark",
    schedule: systemSchedule,
    now: () => performance.now(),
    wallClock: Date.now,
    log: { debug: () => undefined, info: () => undefined, warn: fail, error: fail },
  });
  if (ledger === undefined) throw new Error(`${name} is no ledger`);
  const { server } = await ledger.store.facts(new AbortController().signal);
  return {
    name,
    server,
    ledger,
    async stop() {
      await ledger.close(5000);
      await end();
      rmSync(prefix, { recursive: true, force: true });
    },
  };
}
