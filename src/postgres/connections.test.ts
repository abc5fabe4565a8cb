import { describe, expect, it } from "vitest";
import { createFakeClock, settled } from "../../test/support/fake-clock.ts";
import type { Connection } from "./connection.ts";
import { createConnections } from "./connections.ts";

const { signal } = new AbortController();

class FakeConnection implements Connection {
  readonly number: number;
  isOpen = true;
  isHeld = false;
  saysGoodbye = true;

  constructor(number: number) {
    this.number = number;
  }
  async query() {
    if (!this.isOpen) throw new Error("it is dead");
    return [{ number: this.number }];
  }
  isAlive() {
    return this.isOpen;
  }
  hold() {
    this.isHeld = true;
  }
  letGo() {
    this.isHeld = false;
  }
  destroy() {
    this.isOpen = false;
    this.#ended?.();
  }
  #ended: (() => void) | undefined;
  end() {
    return new Promise<void>((resolve) => {
      this.#ended = resolve;
      if (this.saysGoodbye) this.destroy();
    });
  }
}

function setUp(max = 2) {
  const clock = createFakeClock();
  const opened: FakeConnection[] = [];
  const connections = createConnections({
    max,
    idleMs: 100,
    schedule: clock.schedule,
    async open() {
      const connection = new FakeConnection(opened.length);
      opened.push(connection);
      return connection;
    },
  });
  return { clock, opened, connections };
}

const never = () => new Promise<never>(() => undefined);
const numberOf = async (connection: Connection) => (await connection.query(""))[0]?.["number"];

describe("the connections of a store", () => {
  it("are used again, the one used last first, and keep no process alive meanwhile", async () => {
    const { connections, opened } = setUp();
    await Promise.all([connections.use(signal, numberOf), connections.use(signal, numberOf)]);
    expect(opened.map(({ isHeld }) => isHeld)).toEqual([false, false]);
    for (let n = 0; n < 3; n++) expect(await connections.use(signal, numberOf)).toBe(1);
    await connections.use(signal, async () =>
      expect(opened.map(({ isHeld }) => isHeld)).toEqual([false, true]),
    );
    expect(opened).toHaveLength(2);
  });

  it("are as many as allowed; who comes then waits, and may leave", async () => {
    const { connections, opened } = setUp(1);
    const controller = new AbortController();
    const first = connections.use(controller.signal, never);
    first.catch(() => undefined);
    const waiting = connections.use(controller.signal, numberOf);
    await settled();
    expect(opened).toHaveLength(1);
    controller.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
  });

  it("are ended at once when the caller leaves", async () => {
    const { connections, opened } = setUp();
    const controller = new AbortController();
    const left = connections.use(controller.signal, async (connection) => {
      controller.abort();
      return connection.query("");
    });
    await expect(left).rejects.toThrow("it is dead");
    expect(opened.map(({ isOpen }) => isOpen)).toEqual([false]);
  });

  it("are ended when the caller left while they were opened", async () => {
    const controller = new AbortController();
    const connection = new FakeConnection(0);
    const connections = createConnections({
      max: 1,
      idleMs: 100,
      schedule: createFakeClock().schedule,
      async open() {
        controller.abort();
        return connection;
      },
    });
    await expect(connections.use(controller.signal, numberOf)).rejects.toThrow("it is dead");
  });

  it("are kept after a failure that they have survived", async () => {
    const { connections, opened } = setUp();
    const failing = connections.use(signal, async () => {
      throw new Error("wrong question");
    });
    await expect(failing).rejects.toThrow("wrong question");
    await connections.use(signal, numberOf);
    expect(opened).toHaveLength(1);
  });

  it("are replaced, and the work is done again, when a kept one turns out to be dead, but only once", async () => {
    const { connections, opened } = setUp();
    await connections.use(signal, numberOf);
    const dying = (connection: Connection) => {
      connection.destroy();
      return connection.query("");
    };
    let tries = 0;
    const work = async (connection: Connection) => (++tries === 1 ? dying(connection) : numberOf(connection));
    expect(await connections.use(signal, work)).toBe(1);
    await expect(connections.use(signal, dying)).rejects.toThrow("it is dead");
    // The first try met the kept one, the second a fresh one, and there was no third.
    expect(opened).toHaveLength(3);
  });

  it("are passed over when they died while nobody used them", async () => {
    const { connections, opened } = setUp();
    await connections.use(signal, numberOf);
    opened[0]?.destroy();
    let tries = 0;
    await connections.use(signal, async () => ++tries);
    expect(tries).toBe(1);
    expect(opened).toHaveLength(2);
  });

  it("are ended when nobody has used them for a while", async () => {
    const { clock, connections, opened } = setUp();
    await connections.use(signal, numberOf);
    await clock.advance(99);
    await connections.use(signal, numberOf);
    await clock.advance(99);
    expect(opened.map(({ isOpen }) => isOpen)).toEqual([true]);
    await clock.advance(1);
    expect(opened.map(({ isOpen }) => isOpen)).toEqual([false]);
    expect(clock.timers).toBe(0);
  });

  it("are all ended on close, without waiting long for a server that does not answer", async () => {
    const { clock, connections, opened } = setUp();
    const underWay = connections.use(signal, never);
    underWay.catch(() => undefined);
    await connections.use(signal, numberOf);
    if (opened[1]) opened[1].saysGoodbye = false;
    const closing = connections.close();
    await settled();
    expect(opened.map(({ isOpen }) => isOpen)).toEqual([false, true]);
    await clock.advance(500);
    expect(opened.map(({ isOpen }) => isOpen)).toEqual([false, false]);
    await closing;
    expect(clock.timers).toBe(0);
  });
});
