import { describe, expect, it } from "vitest";
import { createFakeClock, settled } from "../../test/support/fake-clock.ts";
import { createFaultyStore, type FaultyStore } from "../../test/support/faulty-store.ts";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import { createVectorKeeper, type VectorKeeperOptions } from "./keeper.ts";
import type { VectorItem } from "./vector-store.ts";

const { signal } = new AbortController();
const item = (id: string, ...numbers: number[]): VectorItem => ({ id, vector: Float32Array.from(numbers) });
const python = [item("python", 1, 0), item("it", 0, 1)];
const rust = [item("rust", 0.6, 0.8), item("it", 0, 1)];

function setUp(store: FaultyStore = createFaultyStore(), more: Partial<VectorKeeperOptions> = {}) {
  const clock = createFakeClock();
  const log = createRecordingLogger();
  const keeper = createVectorKeeper({
    store,
    owner: "plugin",
    isRemote: true,
    isReadOnly: false,
    log,
    ...clock,
    ...more,
  });
  const said = () => log.lines.map(({ level, message }) => `${level}: ${message}`);
  const pass = async (ms: number) => {
    await clock.advance(ms);
    await settled();
  };
  return { clock, keeper, store, said, pass };
}

/** A keeper whose vectors are in the store. */
async function setUpKept(version = "v1", items = python, store = createFaultyStore()) {
  const setup = setUp(store);
  await setup.keeper.recall(signal);
  await setup.keeper.keep(version, items);
  return setup;
}

describe("what a keeper recalls", () => {
  it("is nothing from an empty store", async () => {
    const { keeper } = setUp();
    expect(keeper.health().state).toBe("unknown");
    expect(await keeper.recall(signal)).toEqual(new Map());
    expect(keeper.health()).toMatchObject({ place: "faulty at nowhere", state: "up", failures: 0 });
  });

  it("is what an earlier process kept, and that is not written again", async () => {
    const { store } = await setUpKept();
    const { keeper } = setUp(store);
    const known = await keeper.recall(signal);
    expect([...known.keys()].sort()).toEqual(["it", "python"]);
    expect(known.get("python")).toEqual(Float32Array.from([1, 0]));
    await keeper.keep("v1", python);
    expect(keeper.health().writes).toBe(0);
  });

  it("is another version's too, so that an edit of one text makes one vector anew", async () => {
    const { store } = await setUpKept();
    const { keeper } = setUp(store);
    expect((await keeper.recall(signal)).get("it")).toEqual(Float32Array.from([0, 1]));
    await keeper.keep("v2", rust);
    expect([...store.content.keys()]).toEqual(["plugin/v2"]);
  });

  it("leaves out what cannot be used, says so, and puts it right", async () => {
    const { store } = await setUpKept();
    store.spoiled.add("plugin/v1");
    const { keeper, said } = setUp(store);
    expect(await keeper.recall(signal)).toEqual(new Map());
    expect(said()).toEqual(["warn: stored vectors cannot be used and are made anew"]);
    await keeper.keep("v1", python);
    expect(store.spoiled).toEqual(new Set());
    expect(keeper.health()).toMatchObject({ state: "up", writes: 1 });
  });

  it.each([
    ["other items", [item("other", 1, 0), item("it", 0, 1)]],
    ["fewer items", [item("python", 1, 0)]],
    ["other numbers", [item("python", 0.9, 0), item("it", 0, 1)]],
    ["other lengths", [item("python", 1), item("it", 0)]],
  ])("is replaced where the version holds %s than it should", async (_, wrong) => {
    const store = createFaultyStore();
    store.content.set("plugin/v1", wrong);
    await setUpKept("v1", python, store);
    expect(store.content.get("plugin/v1")).toEqual(python);
  });

  it("is nothing from a store that is away, which is told once", async () => {
    const { keeper, store, said } = setUp();
    store.fault = "unreachable";
    expect(await keeper.recall(signal)).toEqual(new Map());
    expect(keeper.health()).toMatchObject({ state: "down", reason: "faulty at nowhere: unreachable" });
    expect(said()).toEqual(["warn: the vector store is away; routing goes on with the vectors in memory"]);
  });

  it("is refused by a server that can never serve", async () => {
    const { keeper, store } = setUp();
    store.fault = "unfit";
    await expect(keeper.recall(signal)).rejects.toMatchObject({ kind: "unfit" });
    await expect(keeper.recall(AbortSignal.abort())).rejects.toMatchObject({ kind: "aborted" });
  });
});

describe("what a keeper keeps", () => {
  it("reaches a store that comes up later, with growing waits in between", async () => {
    const { keeper, store, said, pass } = setUp();
    store.fault = "unreachable";
    await keeper.recall(signal);
    await keeper.keep("v1", python);
    const triesWithin = async (ms: number) => {
      const before = store.calls.length;
      await pass(ms);
      return store.calls.length - before;
    };
    expect(await triesWithin(999)).toBe(0);
    expect(await triesWithin(1)).toBe(1);
    expect(await triesWithin(1999)).toBe(0);
    expect(await triesWithin(1)).toBe(1);
    await pass(600_000);
    expect(await triesWithin(300_000)).toBe(10);
    expect(said()).toHaveLength(1);

    store.fault = undefined;
    await pass(30_000);
    expect(store.content.get("plugin/v1")).toEqual(python);
    expect(keeper.health()).toMatchObject({ state: "up", writes: 1, reason: undefined });
    expect(said().slice(1)).toEqual(["info: the vector store answers again"]);
  });

  it("notices an outage within five seconds, tells it once, and writes nothing when all is still there", async () => {
    const { keeper, store, said, pass } = await setUpKept();
    store.fault = "unreachable";
    await pass(5_000);
    expect(keeper.health()).toMatchObject({ state: "down", failures: 1 });
    await pass(120_000);
    store.fault = undefined;
    await pass(30_000);
    expect(keeper.health()).toMatchObject({ state: "up", writes: 1 });
    expect(said()).toEqual([
      "warn: the vector store is away; routing goes on with the vectors in memory",
      "info: the vector store answers again",
    ]);
    store.fault = "unreachable";
    await pass(5_000);
    expect(said()).toHaveLength(3);
  });

  it("tells a new reason while the store is away", async () => {
    const { store, said, pass } = await setUpKept();
    store.fault = "unreachable";
    await pass(5_000);
    store.fault = "denied";
    await pass(60_000);
    expect(said()).toEqual([
      "warn: the vector store is away; routing goes on with the vectors in memory",
      "warn: the vector store is still away, now for another reason",
    ]);
  });

  it("is written again when the store has lost everything", async () => {
    const { keeper, store, pass } = await setUpKept();
    store.content.clear();
    await pass(5_000);
    expect(store.content.get("plugin/v1")).toEqual(python);
    expect(keeper.health().writes).toBe(2);
  });

  it("gives way to a newer version, here or on another node, and does not bring the old one back", async () => {
    const old = await setUpKept("v1", python);
    await setUpKept("v2", rust, old.store);
    expect([...old.store.content.keys()]).toEqual(["plugin/v2"]);
    await old.pass(60_000);
    expect([...old.store.content.keys()]).toEqual(["plugin/v2"]);
  });

  it("is the same from two nodes that start at once", async () => {
    const store = createFaultyStore();
    await Promise.all([setUpKept("v1", python, store), setUpKept("v1", python, store)]);
    expect([...store.content]).toEqual([["plugin/v1", python]]);
  });

  it("leaves other owners alone", async () => {
    const store = createFaultyStore();
    store.content.set("plugin-2/v1", rust);
    const { keeper } = await setUpKept("v1", python, store);
    await keeper.forget(signal);
    expect([...store.content.keys()]).toEqual(["plugin-2/v1"]);
  });

  it("stays in the store after close, and nothing more is asked", async () => {
    const { keeper, store, pass } = await setUpKept();
    keeper.close();
    const before = store.calls.length;
    store.content.clear();
    await pass(600_000);
    expect(store.calls.length).toBe(before);
  });

  it("is not written by a keeper that may only read", async () => {
    const { store } = await setUpKept();
    const { keeper, pass } = setUp(store, { isReadOnly: true });
    expect((await keeper.recall(signal)).size).toBe(2);
    await keeper.keep("v2", rust);
    await pass(60_000);
    expect([...store.content.keys()]).toEqual(["plugin/v1"]);
  });

  it("is handed once to a store inside the process", async () => {
    const store = createFaultyStore();
    const { keeper, pass } = setUp(store, { isRemote: false });
    await keeper.recall(signal);
    await keeper.keep("v1", python);
    const before = store.calls.length;
    await pass(600_000);
    expect(store.calls.length).toBe(before);
  });
});
