/** What every config store promises, tried on each. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type Announcement,
  type ConfigStore,
  type ConfigWrite,
  keptAnnouncements,
  keptChanges,
  type StoredEntity,
} from "./config-store.ts";

export interface StoreUnderTest {
  /** Another gateway's connection to the same place. */
  open(): ConfigStore;
  /** Makes it look as if so many changes had been written, all of them of nothing. */
  fill(versions: number): Promise<void>;
  /** The same of announcements. */
  say(announcements: number): Promise<void>;
}

const { signal } = new AbortController();

/** A made-up entity. */
export const service = (id: string, more: object = {}): StoredEntity => ({
  kind: "service",
  id,
  record: { id, name: `service ${id}`, ...more },
});

/** A change of nothing, but for what is said. */
export const writing = (expected: number, more: Partial<ConfigWrite> = {}): ConfigWrite => ({
  expected,
  put: [],
  remove: [],
  audit: { timeMs: 1_700_000_000_000 + expected, actor: "a", source: "PUT /x", changes: [] },
  ...more,
});

/** An announcement of one gateway. */
export const saying = (sender: string, body: string): Omit<Announcement, "number"> => ({
  sender,
  timeMs: 1_700_000_000_000,
  body,
});

/** The version, as a gateway asks for it. */
export const versionOf = async (store: ConfigStore, by = signal): Promise<number> =>
  (await store.news(Number.MAX_SAFE_INTEGER, by)).version;

export function describeConfigStore(name: string, prepare: () => Promise<StoreUnderTest>): void {
  describe(`the config store ${name}`, { timeout: 60_000 }, () => {
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
      expect(await versionOf(store)).toBe(0);
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
        digits: "123456789012345678901234567890",
        halves: "\ud800 and \udc00",
        flag: false,
        nothing: null,
        empty: "",
        list: [1, ["a", {}], []],
        block: { "a.b": { c: [null] }, "": 1, "'; --": "\\u0000" },
        z: 1,
        a: 2,
      };
      const entities = [service("1", odd), { kind: "route", id: "1", record: { id: "1" } }];
      expect(await store.write(writing(0, { put: entities }), signal)).toBe(1);
      const found = await open().read(signal);
      expect(found).toEqual({ version: 1, entities: [entities[1], entities[0]] });
      // The order of fields, too.
      expect(JSON.stringify(found.entities[1])).toBe(JSON.stringify(entities[0]));
    });

    it("keeps what it was given, whatever becomes of that", async () => {
      const list = ["a"];
      await store.write(writing(0, { put: [service("1", { list })] }), signal);
      list.push("b");
      expect((await store.read(signal)).entities).toEqual([service("1", { list: ["a"] })]);
    });

    it("gives entities by kind and id, by their code points in any language", async () => {
      const ids = ["Z", "a", "b-1", "b1", "b_1", "z", "ä"];
      const put = ids.toReversed().flatMap((id) => [service(id), { kind: "key-auth", id, record: { id } }]);
      await store.write(writing(0, { put }), signal);
      const { entities } = await store.read(signal);
      expect(entities.map(({ kind, id }) => `${kind} ${id}`)).toEqual([
        ...ids.map((id) => `key-auth ${id}`),
        ...ids.map((id) => `service ${id}`),
      ]);
    });

    it("replaces, and removes what is told", async () => {
      await store.write(writing(0, { put: [service("1"), service("2"), service("3")] }), signal);
      const change = { put: [service("1", { port: 2 })], remove: [{ kind: "service", id: "2" }] };
      expect(await store.write(writing(1, change), signal)).toBe(2);
      const { entities } = await store.read(signal);
      expect(entities).toEqual([service("1", { port: 2 }), service("3")]);
      // What is not there, and what only has the same id.
      const nothing = [
        { kind: "service", id: "2" },
        { kind: "route", id: "1" },
      ];
      expect(await store.write(writing(2, { remove: nothing }), signal)).toBe(3);
      expect((await store.read(signal)).entities).toEqual(entities);
    });

    it("refuses a change in which a key stands twice, and takes nothing of it", async () => {
      const key = { kind: "service", id: "1" };
      for (const more of [{ put: [service("1"), service("1")] }, { put: [service("1")], remove: [key] }])
        await expect(store.write(writing(0, more), signal)).rejects.toMatchObject({
          kind: "invalid",
          message: expect.stringContaining("service 1 stands twice"),
        });
      expect(await store.read(signal)).toEqual({ version: 0, entities: [] });
    });

    it("takes nothing of a change that was made from something older", async () => {
      await store.write(writing(0, { put: [service("1")] }), signal);
      const late = writing(0, { put: [service("2")], remove: [{ kind: "service", id: "1" }] });
      expect(await open().write(late, signal)).toBe("conflict");
      expect(await store.write(writing(5, { put: [service("2")] }), signal)).toBe("conflict");
      expect(await store.read(signal)).toEqual({ version: 1, entities: [service("1")] });
      expect(await store.audit({ limit: 10 }, signal)).toHaveLength(1);
    });

    it("loses no change of two gateways that write at the same time, nor its record", async () => {
      const each = 25;
      await Promise.all(
        [open(), open()].map(async (gateway, number) => {
          for (let count = 0; count < each; ) {
            const expected = await versionOf(gateway);
            const put = [service(`${number}-${count}`)];
            const audit = { timeMs: 0, actor: `${number}-${count}`, source: "", changes: [] };
            const written = await gateway.write(writing(expected, { put, audit }), signal);
            if (written === "conflict") continue;
            expect(written).toBe(expected + 1);
            count += 1;
          }
        }),
      );
      const { entities, version } = await store.read(signal);
      expect(version).toBe(2 * each);
      const ids = entities.map(({ id }) => id);
      expect(ids).toHaveLength(2 * each);
      const actors = (await store.audit({ limit: 100 }, signal)).map(({ actor }) => actor);
      expect(actors.toSorted()).toEqual(ids);
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

    it("takes ten thousand entities at once, and takes them away", async () => {
      const put = Array.from({ length: 10_000 }, () => service(randomUUID(), { text: "x".repeat(200) }));
      const startedAt = performance.now();
      expect(await store.write(writing(0, { put }), signal)).toBe(1);
      expect((await store.read(signal)).entities).toHaveLength(10_000);
      expect(await store.write(writing(1, { remove: put.slice(1) }), signal)).toBe(2);
      // 0.5 s on a quiet machine; what grows with the square takes minutes.
      expect(performance.now() - startedAt).toBeLessThan(15_000);
      expect((await store.read(signal)).entities).toEqual(put.slice(0, 1));
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

    it("keeps the newest ten thousand changes, and what they made", async () => {
      await store.write(writing(0, { put: [service("1")] }), signal);
      await under.fill(keptChanges + 5);
      expect(await store.write(writing(keptChanges + 5), signal)).toBe(keptChanges + 6);
      const kept = await store.audit({ limit: 2 * keptChanges }, signal);
      expect(kept).toHaveLength(keptChanges);
      expect(kept[0]?.version).toBe(keptChanges + 6);
      expect(kept.at(-1)?.version).toBe(7);
      expect(await store.read(signal)).toEqual({ version: keptChanges + 6, entities: [service("1")] });
      expect(await store.write(writing(5), signal)).toBe("conflict");
    });

    it("mends who and by what where no database keeps that", async () => {
      const audit = { timeMs: 1, actor: "a\0b\ud800c 🐈‍⬛", source: "PUT /\0", changes: [] };
      await store.write(writing(0, { audit }), signal);
      expect(await store.audit({ limit: 1 }, signal)).toEqual([
        { version: 1, timeMs: 1, actor: "a\ufffdb\ufffdc 🐈‍⬛", source: "PUT /\ufffd", changes: [] },
      ]);
    });

    /** What a gateway hears that stands there. */
    const heard = async (gateway: ConfigStore, after = 0) => {
      const { announcements, last } = await gateway.news(after, signal);
      return [last, ...announcements.map(({ body }) => body)];
    };

    it("has all gateways hear what is announced, in order, from where each stands", async () => {
      const other = open();
      expect(await heard(store)).toEqual([0]);
      expect(await store.announce(saying("a", "one"), signal)).toBe(1);
      expect(await other.announce(saying("b", "two"), signal)).toBe(2);
      expect(await store.announce(saying("a", "three"), signal)).toBe(3);
      expect(await heard(other)).toEqual([3, "one", "two", "three"]);
      expect(await heard(other, 1)).toEqual([3, "two", "three"]);
      expect(await heard(store, 3)).toEqual([3]);
      const { announcements } = await open().news(2, signal);
      expect(announcements).toEqual([{ number: 3, ...saying("a", "three") }]);
    });

    it("tells those who come later where to begin", async () => {
      await store.announce(saying("a", "before"), signal);
      const [last] = await heard(open(), Number.MAX_SAFE_INTEGER);
      expect(last).toBe(1);
      await store.announce(saying("a", "after"), signal);
      expect(await heard(open(), Number(last))).toEqual([2, "after"]);
    });

    it("makes no version of an announcement, and enters it nowhere", async () => {
      await store.write(writing(0, { put: [service("1")] }), signal);
      await store.announce(saying("a", "one"), signal);
      expect(await store.read(signal)).toEqual({ version: 1, entities: [service("1")] });
      expect(await versionOf(store)).toBe(1);
      expect(await store.audit({ limit: 10 }, signal)).toHaveLength(1);
      expect(await store.write(writing(1), signal)).toBe(2);
    });

    it("takes any text to be announced, and mends what no database keeps", async () => {
      const body = JSON.stringify({ text: "späße \u{1F600} '; -- \" \0 \ud800" });
      await store.announce(saying("a", body), signal);
      await store.announce(saying("\ud800", "a\0b\ud800c"), signal);
      expect(await heard(open())).toEqual([2, body, "a\ufffdb\ufffdc"]);
    });

    it("loses no announcement of gateways that make them at the same time, nor shows a later one first", async () => {
      const each = 20;
      const listening = open();
      const listened: string[] = [];
      let after = 0;
      const listen = async () => {
        const { announcements, last } = await listening.news(after, signal);
        listened.push(...announcements.map(({ body }) => body));
        after = last;
      };
      const announced = Promise.all(
        [open(), open()].map(async (gateway, sender) => {
          for (let count = 0; count < each; count++)
            await gateway.announce(saying(String(sender), `${sender} ${count}`), signal);
        }),
      );
      while (after < 2 * each) await listen();
      await announced;
      const inOrder = [0, 1].map((sender) => listened.filter((body) => body.startsWith(`${sender} `)));
      expect(inOrder).toEqual(
        [0, 1].map((sender) => Array.from({ length: each }, (_, count) => `${sender} ${count}`)),
      );
    });

    it("keeps the newest thousand announcements", async () => {
      await versionOf(store);
      await under.say(keptAnnouncements + 5);
      expect(await store.announce(saying("a", "newest"), signal)).toBe(keptAnnouncements + 6);
      const { announcements, last } = await store.news(0, signal);
      expect([announcements.length, announcements[0]?.number, last]).toEqual([
        keptAnnouncements,
        7,
        keptAnnouncements + 6,
      ]);
    });

    it("is opened by many at once", async () => {
      const versions = await Promise.all(Array.from({ length: 6 }, () => versionOf(open())));
      expect(versions).toEqual([0, 0, 0, 0, 0, 0]);
    });

    it("lets callers leave, and ends all calls when it is closed, and not those of others", async () => {
      await expect(store.read(AbortSignal.abort())).rejects.toMatchObject({ kind: "aborted" });
      await store.write(writing(0, { put: [service("1")] }), signal);
      await store.close();
      await store.close();
      await expect(versionOf(store)).rejects.toMatchObject({ kind: "aborted" });
      await expect(store.write(writing(1), signal)).rejects.toMatchObject({ kind: "aborted" });
      await expect(store.announce(saying("a", "late"), signal)).rejects.toMatchObject({ kind: "aborted" });
      expect(await open().read(signal)).toEqual({ version: 1, entities: [service("1")] });
    });
  });
}
