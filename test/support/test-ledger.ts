/** A ledger in a file of a test's own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLedger } from "../../src/ledger/index.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { ledgerOptions } from "../../src/ledger/options.ts";
import { systemSchedule } from "../../src/util/schedule.ts";
import { createRecordingLogger } from "./recording-logger.ts";

export interface TestLedger {
  readonly ledger: Ledger;
  readonly log: ReturnType<typeof createRecordingLogger>;
  /** Closes it and removes its folder. */
  dispose(): Promise<void>;
}

export function openTestLedger(): TestLedger {
  const prefix = mkdtempSync(join(tmpdir(), "sluice-ledger-"));
  const log = createRecordingLogger();
  const ledger = openLedger(ledgerOptions.parse({}), {
    prefix,
    log,
    now: () => performance.now(),
    wallClock: Date.now,
    schedule: systemSchedule,
    owner: "test",
  });
  if (ledger === undefined) throw new Error("the ledger is off");
  return {
    ledger,
    log,
    async dispose() {
      await ledger.close(5_000);
      rmSync(prefix, { recursive: true, force: true });
    },
  };
}
