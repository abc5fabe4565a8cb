/** The engine and a real server, which is killed, frozen, and absent at the start. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import { describeWithServer, startServer, type TestServer } from "../../test/support/servers.ts";
import { systemSchedule } from "../util/schedule.ts";
import { sampleEntry, sampleId } from "./contract/samples.contract.ts";
import { openLedger } from "./index.ts";
import type { Ledger } from "./ledger.ts";
import { ledgerOptions } from "./options.ts";

describeWithServer(
  "postgres",
  "a ledger whose server has troubles",
  () => {
    vi.setConfig({ testTimeout: 60_000 });
    let server: TestServer;
    let prefix: string;
    const opened: Ledger[] = [];
    beforeAll(async () => {
      server = await startServer("postgres", {});
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      prefix = mkdtempSync(join(tmpdir(), "sluice-outage-"));
      await server.restart({ empty: true });
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((ledger) => ledger.close(2000)));
      rmSync(prefix, { recursive: true, force: true });
    });

    function open(): Ledger {
      const { host, port } = server;
      const postgres = { host, port, database: "kong-pgvector", timeout: 2000 };
      const ledger = openLedger(ledgerOptions.parse({ strategy: "postgres", postgres }), {
        prefix,
        log: createRecordingLogger(),
        owner: `p${opened.length}`,
        schedule: systemSchedule,
        now: () => performance.now(),
        wallClock: Date.now,
      });
      if (ledger === undefined) throw new Error("the ledger is off");
      opened.push(ledger);
      return ledger;
    }
    const record = (ledger: Ledger, from: number, end: number) => {
      for (let number = from; number < end; number++) ledger.record(sampleEntry(number));
    };
    const idsIn = async (ledger: Ledger) => {
      const ids: string[] = [];
      for await (const { id } of ledger.store.entries({}, new AbortController().signal)) ids.push(id);
      return ids;
    };
    /** All is in the store; asked now and then, since the server needs the machine, too. */
    const handedOver = async (ledger: Ledger) => {
      const isDone = () => ledger.health().state === "up" && ledger.health().spooledBytes === 0;
      while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 20));
      await ledger.flush();
    };
    const first = (count: number) => Array.from({ length: count }, (_, number) => sampleId(number));
    const spooled = () => readdirSync(join(prefix, "ledger-spool")).filter((name) => name.endsWith(".jsonl"));

    it("keeps everything while it is killed, and once, when it is back", async () => {
      const ledger = open();
      record(ledger, 0, 700);
      await ledger.flush();
      await server.kill();
      record(ledger, 700, 2100);
      await ledger.flush();
      expect(spooled().length).toBeGreaterThan(0);
      expect(ledger.health()).toMatchObject({ state: "down", waiting: 0, refused: 0 });
      await server.restart();
      await handedOver(ledger);
      expect(await idsIn(ledger)).toEqual(first(2100));
    });

    it("keeps everything while it is frozen, though nobody knows what became of the batch on its way", async () => {
      const ledger = open();
      await ledger.flush();
      record(ledger, 0, 600);
      server.freeze();
      try {
        record(ledger, 600, 1200);
        await ledger.flush();
        expect(ledger.health()).toMatchObject({ state: "down", waiting: 0 });
      } finally {
        server.thaw();
      }
      await handedOver(ledger);
      expect(await idsIn(ledger)).toEqual(first(1200));
    });

    it("begins without it, is closed without it, and the next start hands over what waits", async () => {
      await server.kill();
      const ledger = open();
      record(ledger, 0, 800);
      await ledger.close(2000);
      expect(spooled().length).toBeGreaterThan(0);
      await server.restart();
      const next = open();
      await next.flush();
      expect(await idsIn(next)).toEqual(first(800));
      expect(spooled()).toEqual([]);
    });
  },
  { owned: true },
);
