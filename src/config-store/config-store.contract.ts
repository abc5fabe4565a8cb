/** What every config store promises, tried on each. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StoreError } from "../util/store-error.ts";
import type { ConfigStore, ConfigWrite, StoredEntity } from "./config-store.ts";

export interface StoreUnderTest {
  /** Another gateway's connection to the same place. */
  open(): ConfigStore;
  /** Takes everything away. */
  wipe(): Promise<void>;
}

const { signal } = new AbortController();

const service = (id: string, more: object = {}): StoredEntity => ({
  kind: "service",
  id,
  record: { id, name: `service ${id}`, ...more },
});

const writing = (expected: number, more: Partial<ConfigWrite> = {}): ConfigWrite => ({
  expected,
  put: [],
  remove: [],
  audit: { timeMs: 1_700_000_000_000 + expected, actor: "a", source: "PUT /x", changes: [] },
  ...more,
});

export function describeConfigStore(name: string, prepare: () => Promise<StoreUnderTest>): void {
  describe(`the config store ${name}`, () => {
    let under: StoreUnderTest;
    let store: ConfigStore;
    const opened: ConfigStore[] = [];
    const open = () => {
      const another = under.open();
      opened.push(another);
      return another;
    };
    beforeEach(async () => {
      under = await prepare();
      store = open();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((each) => each.close()));
    });

    it("is empty at first, and says where it is", async () => {
      expect(await store.version(signal)).toBe(0);
      expect(await store.read(signal)).toEqual({ version: 0, entities: [] });
      expect(await store.audit({ limit: 10 }, signal)).toEqual([]);
      expect(store.place).not.toBe("");
    });

    it("gives back what was written, value by value", async () => {
      const odd = {
        text: "späße \u{1F600} \"'\\ \n\u0000 %_",
        number: 1e21,
        small: -0.1,
        big: 9007199254740991,
        flag: false,
        nothing: null,
        list: [1, ["a", {}], []],
        block: { "a.b": { c: [null] } },
      };
      const entities = [service("1", odd), { kind: "route", id: "1", record: { id: "1" } }];
      expect(await store.write(writing(0, { put: entities }), signal)).toBe(1);
      expect(await open().read(signal)).toEqual({ version: 1, entities: [entities[1], entities[0]] });
    });

    it("replaces, and removes what is told", async () => {
      await store.write(writing(0, { put: [service("1"), service("2"), service("3")] }), signal);
      const change = { put: [service("1", { port: 2 })], remove: [{ kind: "service", id: "2" }] };
      expect(await store.write(writing(1, change), signal)).toBe(2);
      const { entities } = await store.read(signal);
      expect(entities).toEqual([service("1", { port: 2 }), service("3")]);
    });

    it("takes nothing of a change that was made from something older", async () => {
      await store.write(writing(0, { put: [service("1")] }), signal);
      const late = writing(0, { put: [service("2")], remove: [{ kind: "service", id: "1" }] });
      expect(await open().write(late, signal)).toBe("conflict");
      expect(await store.write(writing(5, { put: [service("2")] }), signal)).toBe("conflict");
      expect(await store.read(signal)).toEqual({ version: 1, entities: [service("1")] });
      expect(await store.audit({ limit: 10 }, signal)).toHaveLength(1);
    });

    it("loses no change of gateways that write at the same time", async () => {
      const gateways = [open(), open(), open()];
      const each = 8;
      await Promise.all(
        gateways.map(async (gateway, number) => {
          for (let count = 0; count < each; ) {
            const expected = await gateway.version(signal);
            const put = [service(`${number}-${count}`)];
            if ((await gateway.write(writing(expected, { put }), signal)) !== "conflict") count += 1;
          }
        }),
      );
      const { entities, version } = await store.read(signal);
      expect(version).toBe(gateways.length * each);
      expect(entities).toHaveLength(gateways.length * each);
    });

    it("shows readers whole versions only", async () => {
      const other = open();
      let isDone = false;
      const writer = (async () => {
        for (let version = 0; version < 15; version++) {
          const put = ["1", "2", "3"].map((id) => service(id, { version }));
          await store.write(writing(version, { put }), signal);
        }
        isDone = true;
      })();
      while (!isDone) {
        const { entities, version } = await other.read(signal);
        expect(entities.map(({ record }) => record["version"])).toEqual(
          version === 0 ? [] : [version - 1, version - 1, version - 1],
        );
      }
      await writer;
    });

    it("takes ten thousand entities at once", async () => {
      const put = Array.from({ length: 10_000 }, () => service(randomUUID(), { text: "x".repeat(200) }));
      expect(await store.write(writing(0, { put }), signal)).toBe(1);
      expect((await store.read(signal)).entities).toHaveLength(10_000);
    });

    it("tells who changed what, the newest first, page by page", async () => {
      const changes = [{ operation: "create" as const, kind: "service", id: "1", after: { name: "é" } }];
      for (let version = 0; version < 5; version++) {
        const audit = { timeMs: version, actor: `actor ${version}`, source: "POST /services", changes };
        await store.write(writing(version, { audit }), signal);
      }
      const page = await store.audit({ limit: 2 }, signal);
      expect(page).toEqual([
        { version: 5, timeMs: 4, actor: "actor 4", source: "POST /services", changes },
        { version: 4, timeMs: 3, actor: "actor 3", source: "POST /services", changes },
      ]);
      const next = await store.audit({ before: 4, limit: 10 }, signal);
      expect(next.map(({ version }) => version)).toEqual([3, 2, 1]);
    });

    it("begins anew where everything was taken away", async () => {
      await store.write(writing(0, { put: [service("1")] }), signal);
      await under.wipe();
      expect(await store.read(signal)).toEqual({ version: 0, entities: [] });
      expect(await store.write(writing(0, { put: [service("2")] }), signal)).toBe(1);
    });

    it("ends calls whose caller leaves, and all of them when it is closed", async () => {
      await expect(store.read(AbortSignal.abort())).rejects.toBeInstanceOf(StoreError);
      await store.version(signal);
      await store.close();
      await expect(store.version(signal)).rejects.toMatchObject({ kind: "aborted" });
    });
  });
}
