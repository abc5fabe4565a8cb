import { describe, expect, it } from "vitest";
import { createExchange } from "../../test/support/exchange.ts";
import { settled } from "../../test/support/fake-clock.ts";
import {
  configOf,
  createPluginServices,
  notingPlugin,
  pluginConfig,
} from "../../test/support/fake-plugins.ts";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import { createSnapshot, type Snapshot } from "./snapshot.ts";
import { SnapshotLeases } from "./snapshot-leases.ts";

function setUp() {
  const journal: string[] = [];
  const log = createRecordingLogger();
  const leases = new SnapshotLeases(log);
  const entry = (name: string) => pluginConfig(name, () => notingPlugin(name, journal), { id: name });
  const snapshot = (names: readonly string[], previous?: Snapshot) => {
    const made = createSnapshot(configOf({ plugins: names.map(entry) }), createPluginServices(), previous);
    leases.add(made);
    return made;
  };
  return { journal, log, leases, snapshot };
}

describe("the plugins of a replaced snapshot", () => {
  it("are closed at once where nobody uses them", () => {
    const { journal, leases, snapshot } = setUp();
    leases.retire(snapshot(["a", "b"]));
    expect(journal).toEqual(["a: close", "b: close"]);
  });

  it("are closed when the last exchange that has them ends", () => {
    const { journal, leases, snapshot } = setUp();
    const old = snapshot(["a"]);
    const [one, two] = [createExchange(), createExchange()];
    leases.take(one, old);
    leases.take(two, old);
    leases.retire(old);
    leases.release(one);
    leases.release(one); // a second release of the same exchange counts for nothing
    expect(journal).toEqual([]);
    leases.release(two);
    expect(journal).toEqual(["a: close"]);
  });

  it("stay open while a later snapshot has them, and are closed once with the last", () => {
    const { journal, leases, snapshot } = setUp();
    const first = snapshot(["a", "b"]);
    const second = snapshot(["a", "c"], first);
    const exchange = createExchange();
    leases.take(exchange, first);
    leases.retire(first);
    const third = snapshot(["a", "c"], second);
    leases.retire(second);
    expect(journal).toEqual([]);
    leases.release(exchange);
    expect(journal).toEqual(["b: close"]);
    leases.retire(third);
    expect(journal).toEqual(["b: close", "a: close", "c: close"]);
  });

  it("of a running snapshot are not closed when its exchanges end", () => {
    const { journal, leases, snapshot } = setUp();
    const running = snapshot(["a"]);
    const exchange = createExchange();
    leases.take(exchange, running);
    leases.release(exchange);
    expect(journal).toEqual([]);
  });

  it("may fail to close, which is reported", async () => {
    const { log, leases } = setUp();
    const entry = pluginConfig("a", () => ({ close: () => Promise.reject(new Error("stuck")) }));
    const broken = createSnapshot(configOf({ plugins: [entry] }), createPluginServices());
    leases.add(broken);
    leases.retire(broken);
    await settled();
    expect(log.lines).toMatchObject([{ level: "error", facts: { reason: "Error: stuck" } }]);
  });

  it("are not asked for by exchanges of a snapshot that is gone", () => {
    const { journal, leases, snapshot } = setUp();
    const old = snapshot(["a"]);
    leases.retire(old);
    const exchange = createExchange();
    leases.take(exchange, old);
    leases.release(exchange);
    leases.retire(old);
    expect(journal).toEqual(["a: close"]);
  });
});
