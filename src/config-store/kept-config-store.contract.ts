/** What those config stores must do, too, that outlive their process. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SqlRunner } from "../sql/runner.ts";
import { saying, service, versionOf, writing } from "./config-store.contract.ts";
import type { ConfigStore } from "./config-store.ts";

export interface KeptStoreUnderTest {
  /** Another gateway's connection to the same place. */
  open(): ConfigStore;
  /** The same, on a runner that is put around its own. */
  openOn(wrap: (runner: SqlRunner) => SqlRunner): ConfigStore;
  /** Takes everything away, tables and all. */
  wipe(): Promise<void>;
  /** Runs a statement past all stores. */
  ask(sql: string): Promise<void>;
}

/** A statement for `fill` of the other contract. */
export const fillingTo = (versions: number) =>
  `with recursive n (v) as (select 2 union all select v + 1 from n where v < ${versions}) ` +
  "insert into sluice_config_changes select v, 'token', 0, 'actor', 'source', '[]' from n";

/** The same for `say`. */
export const sayingTo = (announcements: number) =>
  `with recursive n (v) as (select 1 union all select v + 1 from n where v < ${announcements}) ` +
  "insert into sluice_config_announcements select v, 'token ' || v, 'sender', 0, 'body' from n";

const { signal } = new AbortController();

export function describeKeptConfigStore(name: string, prepare: () => Promise<KeptStoreUnderTest>): void {
  describe(`the config store ${name}, which outlives its process`, { timeout: 60_000 }, () => {
    let under: KeptStoreUnderTest;
    let store: ConfigStore;
    const opened: ConfigStore[] = [];
    const using = (another: ConfigStore) => {
      opened.push(another);
      return another;
    };
    beforeEach(async () => {
      under = await prepare();
      store = using(under.open());
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((each) => each.close()));
    });

    it("begins anew where everything was taken away", async () => {
      await store.write(writing(0, { put: [service("1")] }), signal);
      await under.wipe();
      expect(await store.read(signal)).toEqual({ version: 0, entities: [] });
      expect(await store.write(writing(0, { put: [service("2")] }), signal)).toBe(1);
    });

    it("leaves tables of a newer Sluice alone", async () => {
      await versionOf(store);
      await under.ask("insert into sluice_config_schema values (7)");
      await expect(using(under.open()).write(writing(0), signal)).rejects.toMatchObject({
        kind: "unfit",
        message: expect.stringMatching(
          /format 7, made by a newer Sluice.*knows 2 at most.*database of its own/,
        ),
      });
    });

    it("makes what an older Sluice has not made, and keeps what it has", async () => {
      await store.write(writing(0, { put: [service("1")] }), signal);
      await under.ask("drop table sluice_config_announcements");
      await under.ask("delete from sluice_config_schema");
      await under.ask("insert into sluice_config_schema values (1)");
      const gateways = [using(under.open()), using(under.open())];
      await Promise.all(gateways.map((gateway) => gateway.announce(saying("a", "b"), signal)));
      expect(await gateways[0]?.read(signal)).toEqual({ version: 1, entities: [service("1")] });
      const { announcements, last } = await store.news(0, signal);
      expect([last, announcements.map(({ body }) => body)]).toEqual([2, ["b", "b"]]);
    });

    it.each([
      ["record", "no JSON", "update sluice_config_entities set record = '{'"],
      ["record", "no JSON object", "update sluice_config_entities set record = '[1]'"],
      ["changes", "no JSON array", "update sluice_config_changes set changes = '{}'"],
    ])("is corrupt where the column %s holds %s", async (column, words, spoil) => {
      await store.write(writing(0, { put: [service("1")] }), signal);
      await under.ask(spoil);
      const read = column === "record" ? store.read(signal) : store.audit({ limit: 1 }, signal);
      await expect(read).rejects.toMatchObject({
        kind: "corrupt",
        message: `${store.place}: the column "${column}" holds ${words}`,
      });
    });

    /** A store whose writes run twice, since the answer to the first run is lost; what comes between is the test's. */
    const forgetful = (between: () => Promise<unknown>) =>
      using(
        under.openOn((runner) => ({
          ...runner,
          async write(statements, during) {
            await runner.write(statements, during);
            await between();
            return runner.write(statements, during);
          },
        })),
      );

    it("counts a change once whose answer was lost", async () => {
      const put = [service("1")];
      const changed = forgetful(async () => undefined);
      expect(await changed.write(writing(0, { put }), signal)).toBe(1);
      expect(await changed.write(writing(1, { remove: put }), signal)).toBe(2);
      expect(await store.read(signal)).toEqual({ version: 2, entities: [] });
      expect(await store.audit({ limit: 10 }, signal)).toHaveLength(2);
    });

    it("makes an announcement once whose answer was lost", async () => {
      const told = forgetful(async () => undefined);
      await store.announce(saying("a", "before"), signal);
      expect(await told.announce(saying("b", "one"), signal)).toBe(2);
      const { announcements } = await store.news(1, signal);
      expect(announcements.map(({ body }) => body)).toEqual(["one"]);
    });

    it("counts it, and does not undo what another gateway has changed since", async () => {
      const theirs = { put: [service("1", { owner: "another" })], remove: [{ kind: "service", id: "2" }] };
      await versionOf(store);
      const changed = forgetful(async () => {
        // Only after the write: the store's own tables are made by one, too.
        if ((await versionOf(store)) === 1) await store.write(writing(1, theirs), signal);
      });
      expect(await changed.write(writing(0, { put: [service("1"), service("2")] }), signal)).toBe(1);
      expect(await store.read(signal)).toEqual({ version: 2, entities: theirs.put });
    });

    it("tells of a conflict as often as it is asked", async () => {
      await store.write(writing(0, { put: [service("1")] }), signal);
      const late = forgetful(async () => undefined);
      expect(await late.write(writing(0, { put: [service("2")] }), signal)).toBe("conflict");
      expect(await store.read(signal)).toEqual({ version: 1, entities: [service("1")] });
    });
  });
}
