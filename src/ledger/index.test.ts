import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import { systemSchedule } from "../util/schedule.ts";
import { sampleEntry } from "./contract/samples.contract.ts";
import { findLedgerStore, openLedger } from "./index.ts";
import { ledgerOptions } from "./options.ts";

describe("the ledger of a process", () => {
  let prefix: string;
  beforeEach(() => {
    prefix = mkdtempSync(join(tmpdir(), "sluice-prefix-"));
  });
  afterEach(() => rmSync(prefix, { recursive: true, force: true }));

  const open = (options: object, owner = "me") => {
    const log = createRecordingLogger();
    const ledger = openLedger(ledgerOptions.parse(options), {
      prefix,
      log,
      owner,
      schedule: systemSchedule,
      now: () => performance.now(),
      wallClock: Date.now,
    });
    return { ledger, log };
  };
  const count = async (ledger: ReturnType<typeof open>["ledger"]) =>
    (await ledger?.store.facts(new AbortController().signal))?.entries;

  it("is a file in the prefix folder, and is there again for the next process", async () => {
    const { ledger, log } = open({});
    for (let number = 0; number < 1200; number++) ledger?.record(sampleEntry(number));
    await ledger?.close(5000);
    expect(log.lines).toEqual([]);
    expect(existsSync(join(prefix, "ledger.db"))).toBe(true);
    const next = open({});
    expect(await count(next.ledger)).toBe(1200);
    await next.ledger?.close(5000);
  });

  it("is begun with a server that is absent: entries wait on the disk, and a password is nowhere", async () => {
    const { ledger, log } = open({
      strategy: "postgres",
      postgres: { port: 1, password: "geheim", timeout: 500 },
    });
    ledger?.record(sampleEntry(1));
    await ledger?.flush();
    expect(ledger?.health()).toMatchObject({ state: "down", waiting: 0 });
    expect(readdirSync(join(prefix, "ledger-spool"))).toHaveLength(1);
    await ledger?.close(1000);
    expect(JSON.stringify([log.lines, ledger?.health()])).not.toContain("geheim");
    // The next process keeps a file instead, and takes over what waits.
    const next = open({});
    await next.ledger?.flush();
    expect(await count(next.ledger)).toBe(1);
    await next.ledger?.close(5000);
  });

  it("is none where it is off", () => {
    expect(open({ strategy: "off" }).ledger).toBeUndefined();
    expect(readdirSync(prefix)).toEqual([]);
  });

  it("is refused where a certificate is missing", () => {
    const block = { ssl: true, ssl_cert: "/none/cert.pem", ssl_cert_key: "/none/key.pem" };
    expect(() => open({ strategy: "postgres", postgres: block })).toThrow(
      'ledger.postgres.ssl_cert "/none/cert.pem" cannot be read (ENOENT)',
    );
  });

  it("has a store for each strategy", () => {
    expect(findLedgerStore("sqlite")?.name).toBe("sqlite");
    expect(findLedgerStore("postgres")?.name).toBe("postgres");
  });
});
