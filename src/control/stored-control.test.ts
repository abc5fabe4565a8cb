import { describe, expect, it } from "vitest";
import { createContext, createControl, idNumbered, stored, testNow } from "../../test/support/control.ts";
import { tlsFile } from "../../test/support/entity-samples.ts";
import { settled } from "../../test/support/fake-clock.ts";
import { later } from "../../test/support/later.ts";
import { createMemoryConfigStore } from "../../test/support/memory-config-store.ts";
import { refusalFrom } from "../../test/support/refusals.ts";
import { StoreError } from "../util/store-error.ts";
import { type Change, create } from "./change.ts";
import type { EntitySet } from "./entity-set.ts";
import { kindOf } from "./kinds.ts";
import { remove } from "./removal.ts";

const asker = { actor: "tester", source: "POST /services" };
const service = kindOf("service");
const route = kindOf("route");

const adding =
  (number: number, name = `service-${number}`) =>
  (entities: EntitySet) =>
    create(entities, service, { id: idNumbered(number), name, host: "a.example" }, createContext());
const certificate = { cert: tlsFile("client.crt"), key: tlsFile("client.key") };
const nothing = (): Change => ({ put: [], removed: [], record: undefined });

/** What this version cannot serve. */
const broken = (number: number) => stored("route", number, { name: `broken-${number}` });

async function createOpened(options: Parameters<typeof createControl>[0] = {}) {
  const world = createControl(options);
  await world.control.open();
  const names = () => world.control.entities.list(service).map(({ name }) => name);
  return { ...world, world, names };
}

describe("a control plane over a store", () => {
  it("opens with what the store has", async () => {
    const store = createMemoryConfigStore();
    store.writeElsewhere({ put: [stored("service", 1, { name: "chat", host: "a.example" })] });
    const { control } = createControl({ store });
    expect((await control.open())?.config.services).toMatchObject([{ name: "chat" }]);
    expect(control).toMatchObject({ isWritable: true, place: "memory", fault: undefined, outage: undefined });
    expect(control.entities.find(service, "chat")?.id).toBe(idNumbered(1));
  });

  it("rejects to open when the store cannot be read", async () => {
    const { control, store } = createControl();
    store.failure = new Error("disk is gone");
    await expect(control.open()).rejects.toThrow("disk is gone");
  });

  it("refuses to take a file in place of its entities", async () => {
    const { control } = await createOpened();
    expect((await refusalFrom(control.replaceAll(asker, ""))).kind).toBe("unsupported");
  });
});

describe("a change", () => {
  it("is kept, served, and on record", async () => {
    const { control, log, names, store, taken } = await createOpened();
    const { record } = await control.change(asker, adding(1));
    expect(record?.id).toBe(idNumbered(1));
    expect(names()).toEqual(["service-1"]);
    expect(taken.at(-1)?.services).toMatchObject([{ name: "service-1" }]);
    expect((await store.read(new AbortController().signal)).entities).toMatchObject([{ id: idNumbered(1) }]);
    expect(await control.audit({ limit: 10 })).toMatchObject([
      { version: 1, ...asker, timeMs: testNow * 1000, changes: [{ operation: "create", kind: "service" }] },
    ]);
    expect(log.lines.at(-1)).toMatchObject({
      message: "configuration changed",
      facts: { ...asker, version: 1, changes: [`create service ${idNumbered(1)}`] },
    });
  });

  it("gives another hash, and that of before when it is undone", async () => {
    const { control } = await createOpened();
    await control.change(asker, adding(1));
    const { hash } = control;
    await control.change(asker, adding(2));
    expect(control.hash).not.toBe(hash);
    await control.change(asker, (entities) => remove(entities, service, idNumbered(2)));
    expect(control.hash).toBe(hash);
  });

  it("of nothing is neither kept nor served", async () => {
    const { control, store, taken } = await createOpened();
    expect(await control.change(asker, nothing)).toEqual(nothing());
    expect([store.writes, taken.length]).toEqual([0, 0]);
  });

  it("waits for the one before, and is made of what that has left", async () => {
    const gate = later<undefined>();
    const steps: string[] = [];
    const { control } = await createOpened({
      apply: async (_checked, beforeCommit) => {
        steps.push("begins");
        await gate.promise;
        await beforeCommit();
        steps.push("ends");
      },
    });
    const seen: number[] = [];
    const changes = [1, 2, 3].map((number) =>
      control.change(asker, (entities) => {
        seen.push(entities.list(service).length);
        return adding(number)(entities);
      }),
    );
    await settled();
    expect([steps, seen]).toEqual([["begins"], [0]]);
    gate.resolve(undefined);
    await Promise.all(changes);
    expect(seen).toEqual([0, 1, 2]);
    expect(steps).toEqual(["begins", "ends", "begins", "ends", "begins", "ends"]);
  });

  it("that is refused changes nothing, and keeps nobody from the next", async () => {
    const { control, names, store, taken } = await createOpened();
    const refused = control.change(asker, (entities) => create(entities, route, {}, createContext()));
    const next = control.change(asker, adding(1));
    expect((await refusalFrom(refused)).kind).toBe("schema_violation");
    await next;
    expect([names(), store.writes, taken.length]).toEqual([["service-1"], 1, 1]);
  });

  it("that the gateway cannot take is not kept", async () => {
    const { control, names, store, world } = await createOpened();
    world.refusal = new Error("no worker serves at the moment");
    const refusal = await refusalFrom(control.change(asker, adding(1)));
    expect(refusal.kind).toBe("database_error");
    expect(refusal.message).toBe("nothing was changed: no worker serves at the moment");
    expect(refusal.cause).toBe(world.refusal);
    expect([names(), store.writes, control.fault, control.hash]).toEqual([[], 0, undefined, "0".repeat(32)]);
  });

  it("that the store cannot keep is not served", async () => {
    const { control, names, store, taken } = await createOpened();
    await control.change(asker, adding(1));
    store.failure = new Error("disk is full");
    const refusal = await refusalFrom(control.change(asker, adding(2)));
    expect([refusal.kind, refusal.message]).toEqual(["database_error", "nothing was changed: disk is full"]);
    expect([names(), taken.length]).toEqual([["service-1"], 1]);
    store.failure = undefined;
    await control.change(asker, adding(2));
    expect(names()).toEqual(["service-1", "service-2"]);
  });

  it("that may have been kept when the line was cut is not said to have failed", async () => {
    const { control, store } = await createOpened();
    store.failure = new StoreError("unreachable", "postgres at db: the line was cut");
    const refusal = await refusalFrom(control.change(asker, adding(1)));
    expect(refusal.message).toBe(
      "look whether it took place before you repeat it: postgres at db: the line was cut",
    );
  });

  it("that was kept, but not taken after all, is configured, and what keeps it from running is a fault", async () => {
    let failures = 1;
    const { clock, control, log, names } = await createOpened({
      apply: async (_checked, beforeCommit) => {
        await beforeCommit();
        if (failures-- > 0) throw new Error("the swap failed");
      },
    });
    expect((await control.change(asker, adding(1))).record).toMatchObject({ name: "service-1" });
    expect([names(), control.fault]).toEqual([["service-1"], "the swap failed"]);
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
    control.watch();
    await clock.advance(11_000);
    expect(control.fault).toBeUndefined();
    await control.close();
  });

  it("has its secrets covered on record", async () => {
    const { control } = await createOpened();
    await control.change(asker, (entities) =>
      create(entities, kindOf("certificate"), certificate, createContext()),
    );
    const text = JSON.stringify(await control.audit({ limit: 1 }));
    expect(text).not.toContain("PRIVATE KEY");
    expect(text).toContain("BEGIN CERTIFICATE");
  });
});

describe("the record of changes", () => {
  it("that cannot be read is the store's error", async () => {
    const { control, store } = await createOpened();
    store.audit = () => Promise.reject(new StoreError("unreachable", "gone"));
    const { kind, message } = await refusalFrom(control.audit({ limit: 1 }));
    expect([kind, message]).toEqual(["database_error", "the record of changes cannot be read: gone"]);
  });
});

describe("changes of two gateways at once", () => {
  it("are both kept: who comes second plans anew", async () => {
    const { control, names, store, taken } = await createOpened();
    store.beforeWrite = async () =>
      store.writeElsewhere({ put: [stored("service", 9, { name: "other", host: "b" })] });
    const plans: number[] = [];
    await control.change(asker, (entities) => {
      plans.push(entities.list(service).length);
      return adding(1)(entities);
    });
    expect(plans).toEqual([0, 1]);
    expect(names().toSorted()).toEqual(["other", "service-1"]);
    expect(taken.map(({ services }) => services.length)).toEqual([2]);
  });

  it("leave the other's served where ours comes to nothing on top of it", async () => {
    const { control, store, taken } = await createOpened();
    store.beforeWrite = async () =>
      store.writeElsewhere({ put: [stored("service", 1, { name: "service-1", host: "a.example" })] });
    await control.change(asker, (entities) =>
      entities.find(service, "service-1") === undefined ? adding(1)(entities) : nothing(),
    );
    expect(taken.at(-1)?.services).toMatchObject([{ name: "service-1" }]);
  });

  it("leave the other's served where ours is refused on top of it", async () => {
    const { control, store, taken } = await createOpened();
    store.beforeWrite = async () =>
      store.writeElsewhere({ put: [stored("service", 9, { name: "service-1", host: "b.example" })] });
    await refusalFrom(control.change(asker, adding(1)));
    expect(taken.at(-1)?.services).toMatchObject([{ host: "b.example" }]);
  });

  it("where the store cannot be read in between, say that nothing was changed", async () => {
    const { control, store } = await createOpened();
    store.beforeWrite = async () => {
      store.writeElsewhere({ put: [stored("service", 9, { name: "other", host: "b" })] });
      store.read = () => Promise.reject(new StoreError("unreachable", "gone"));
    };
    const { kind, message } = await refusalFrom(control.change(asker, adding(1)));
    expect([kind, message]).toEqual(["database_error", expect.stringContaining("nothing was changed")]);
  });

  it("are refused like others where they contradict each other", async () => {
    const { control, store } = await createOpened();
    store.beforeWrite = async () =>
      store.writeElsewhere({ put: [stored("service", 9, { name: "service-1", host: "b" })] });
    expect((await refusalFrom(control.change(asker, adding(1)))).kind).toBe("unique_violation");
  });

  it("again and again end in a refusal that says so", async () => {
    const { control, store } = await createOpened();
    let count = 0;
    const interfere = async () => {
      store.writeElsewhere({ put: [stored("service", 100 + ++count, { host: "b" })] });
      store.beforeWrite = interfere;
    };
    store.beforeWrite = interfere;
    const refusal = await refusalFrom(control.change(asker, adding(1)));
    expect([refusal.kind, refusal.message, count]).toEqual([
      "database_error",
      "other gateways change the configuration all the time; try again",
      50,
    ]);
  });
});

describe("a change by another gateway", () => {
  it("is served within half a second, and read only when there is one", async () => {
    const { clock, control, log, names, store, taken } = await createOpened();
    control.watch();
    await clock.advance(5_000);
    expect([store.reads, taken.length]).toEqual([1, 0]);
    store.writeElsewhere({ put: [stored("service", 1, { name: "other", host: "b" })] });
    await clock.advance(500);
    expect(names()).toEqual(["other"]);
    expect(taken.at(-1)?.services).toMatchObject([{ name: "other" }]);
    expect(log.lines.at(-1)).toMatchObject({ message: "configuration changed by another gateway" });
    expect(store.reads).toBe(2);
    await control.close();
    expect(clock.timers).toBe(0);
  });

  it("that cannot be served here is a fault, told once; what ran goes on", async () => {
    const { clock, control, log, store, taken } = await createOpened();
    control.watch();
    store.writeElsewhere({ put: [broken(1)] });
    await clock.advance(60_000);
    expect(control.fault).toContain("must set one of 'methods'");
    expect(control.entities.list(route)).toHaveLength(1);
    expect(taken).toEqual([]);
    expect(log.lines.filter(({ level }) => level === "error")).toMatchObject([
      { message: "what is configured cannot be served", facts: { version: 1 } },
    ]);
    store.writeElsewhere({ remove: [broken(1)] });
    await clock.advance(500);
    expect(control.fault).toBeUndefined();
    await control.close();
  });

  it("that the gateway could not take at that moment is tried again", async () => {
    const { clock, control, log, store, taken, world } = await createOpened();
    control.watch();
    world.refusal = new Error("no worker serves at the moment");
    store.writeElsewhere({ put: [stored("service", 1, { host: "b" })] });
    await clock.advance(1_000);
    expect(control.fault).toBe("no worker serves at the moment");
    world.refusal = undefined;
    await clock.advance(10_500);
    expect([control.fault, taken.length]).toEqual([undefined, 1]);
    expect(log.lines.at(-1)).toMatchObject({ message: "what is configured can be served now" });
    await control.close();
  });
});

describe("an outage of the store", () => {
  it("is told once, and when it is over; what ran goes on meanwhile", async () => {
    const { clock, control, log, store, names } = await createOpened();
    await control.change(asker, adding(1));
    control.watch();
    store.failure = new Error("connection refused");
    await clock.advance(5_000);
    expect([control.outage, names()]).toEqual(["connection refused", ["service-1"]]);
    expect(log.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
    store.failure = undefined;
    store.writeElsewhere({ put: [stored("service", 9, { name: "meanwhile", host: "b" })] });
    await clock.advance(500);
    expect(control.outage).toBeUndefined();
    expect(names()).toContain("meanwhile");
    expect(log.lines.map(({ message }) => message)).toContain("the config store answers again");
    await control.close();
  });
});

describe("a refresh", () => {
  it("takes what the store has, and rejects with what keeps it from being served", async () => {
    const { control, store, taken } = await createOpened();
    store.writeElsewhere({ put: [stored("service", 1, { host: "b" })] });
    await control.refresh();
    expect(taken).toHaveLength(1);
    store.writeElsewhere({ put: [broken(2)] });
    await expect(control.refresh()).rejects.toThrow("must set one of");
    store.failure = new Error("gone");
    await expect(control.refresh()).rejects.toThrow("gone");
  });
});

describe("closing", () => {
  it("waits for the change under way, and lets nothing follow", async () => {
    const gate = later<undefined>();
    let isClosed = false;
    const store = createMemoryConfigStore();
    const { clock, control } = await createOpened({
      store: Object.assign(store, {
        close: async () => {
          isClosed = true;
        },
      }),
      apply: async (_checked, beforeCommit) => {
        await gate.promise;
        await beforeCommit();
      },
    });
    control.watch();
    const change = control.change(asker, adding(1));
    const closing = control.close();
    await settled();
    expect([isClosed, clock.timers]).toEqual([false, 0]);
    gate.resolve(undefined);
    await Promise.all([change, closing]);
    expect([isClosed, clock.timers]).toEqual([true, 0]);
  });
});
