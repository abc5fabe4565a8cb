import { Socket } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Connection, createDispatcher, type Taker } from "./dispatcher.ts";

/** A worker that takes connections when the test says so. */
function createTaker() {
  const given: (Connection & { readonly onTaken: () => void })[] = [];
  const taker: Taker = { give: (connection, onTaken) => void given.push({ ...connection, onTaken }) };
  return { taker, given, sockets: () => given.map(({ socket }) => socket) };
}

const plain = (socket: Socket): Connection => ({ socket, entrance: "plain" });
const sockets = (count: number) => Array.from({ length: count }, () => new Socket());

describe("connections", () => {
  it("are dealt out in turn, in bursts too", () => {
    const dispatcher = createDispatcher(10);
    const workers = [createTaker(), createTaker(), createTaker()];
    for (const { taker } of workers) dispatcher.add(taker);
    const all = sockets(6);
    for (const socket of all) dispatcher.offer(plain(socket));
    expect(workers.map((worker) => worker.sockets())).toEqual([
      [all[0], all[3]],
      [all[1], all[4]],
      [all[2], all[5]],
    ]);
  });

  it("are given with the way they came in", () => {
    const dispatcher = createDispatcher(10);
    const worker = createTaker();
    dispatcher.offer({ socket: new Socket(), entrance: "secure" });
    dispatcher.add(worker.taker);
    expect(worker.given).toMatchObject([{ entrance: "secure" }]);
  });

  it("are held here until they have arrived, and closed here then", () => {
    const dispatcher = createDispatcher(10);
    const worker = createTaker();
    dispatcher.add(worker.taker);
    const [socket] = sockets(1);
    if (socket === undefined) throw new Error("there is one");
    dispatcher.offer(plain(socket));
    expect(socket.destroyed).toBe(false);
    worker.given[0]?.onTaken();
    expect(socket.destroyed).toBe(true);
    dispatcher.remove(worker.taker);
    const other = createTaker();
    dispatcher.add(other.taker);
    expect(other.given).toEqual([]);
  });

  it("pass over a worker that takes none, and come to it again once it does", () => {
    const dispatcher = createDispatcher(100);
    const [hanging, willing] = [createTaker(), createTaker()];
    dispatcher.add(hanging.taker);
    dispatcher.add(willing.taker);
    for (const socket of sockets(60)) {
      dispatcher.offer(plain(socket));
      for (const { onTaken } of willing.given) onTaken();
    }
    expect([hanging.given.length, willing.given.length]).toEqual([8, 52]);
    hanging.given[0]?.onTaken();
    for (const socket of sockets(2)) dispatcher.offer(plain(socket));
    expect([hanging.given.length, willing.given.length]).toEqual([9, 53]);
  });

  it("go to another worker when theirs dies before they have arrived, and first", () => {
    const dispatcher = createDispatcher(100);
    const dying = createTaker();
    dispatcher.add(dying.taker);
    const all = sockets(10);
    for (const socket of all) dispatcher.offer(plain(socket));
    dying.given[0]?.onTaken();
    dispatcher.remove(dying.taker);
    const heir = createTaker();
    dispatcher.add(heir.taker);
    expect(heir.sockets()).toEqual(all.slice(1, 9));
    dying.given[1]?.onTaken(); // too late: it is the heir's now
    expect(all[1]?.destroyed).toBe(false);
    for (const { onTaken } of [...heir.given]) onTaken();
    expect(heir.sockets()).toEqual(all.slice(1));
  });

  it("wait while there is nobody, up to a bound", () => {
    const dispatcher = createDispatcher(3);
    const all = sockets(5);
    for (const socket of all) dispatcher.offer(plain(socket));
    expect(all.map(({ destroyed }) => destroyed)).toEqual([false, false, false, true, true]);
    const worker = createTaker();
    dispatcher.add(worker.taker);
    expect(worker.sockets()).toEqual(all.slice(0, 3));
  });

  it("that wait are closed at the end, those on their way are not", () => {
    const dispatcher = createDispatcher(100);
    const worker = createTaker();
    dispatcher.add(worker.taker);
    const all = sockets(10);
    for (const socket of all) dispatcher.offer(plain(socket));
    dispatcher.close();
    expect(all.map(({ destroyed }) => destroyed)).toEqual([...Array(8).fill(false), true, true]);
  });

  it("are neither lost nor served twice, whatever happens in which order", () => {
    const step = fc.oneof(
      fc.record({ does: fc.constant("offer" as const), who: fc.nat(2) }),
      fc.record({ does: fc.constantFrom("take", "die", "come"), who: fc.nat(2) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const dispatcher = createDispatcher(1_000);
        const offered: Socket[] = [];
        const served: Socket[] = [];
        let workers = [createTaker(), createTaker(), createTaker()];
        const alive = new Set<ReturnType<typeof createTaker>>();
        const takeAll = (worker: ReturnType<typeof createTaker>) => {
          for (const { socket, onTaken } of worker.given.splice(0)) {
            served.push(socket);
            onTaken();
          }
        };
        const does = {
          offer() {
            const socket = new Socket();
            offered.push(socket);
            dispatcher.offer(plain(socket));
          },
          take: takeAll,
          die(worker: ReturnType<typeof createTaker>) {
            dispatcher.remove(worker.taker);
            if (alive.delete(worker))
              workers = workers.map((each) => (each === worker ? createTaker() : each));
          },
          come(worker: ReturnType<typeof createTaker>) {
            if (!alive.has(worker)) dispatcher.add(worker.taker);
            alive.add(worker);
          },
        };
        for (const { does: what, who } of steps) {
          const worker = workers[who];
          if (worker !== undefined) does[what](worker);
        }
        const last = createTaker();
        for (const worker of alive) dispatcher.remove(worker.taker);
        dispatcher.add(last.taker);
        while (last.given.length > 0) takeAll(last);
        expect(new Set(served).size).toBe(served.length);
        expect(new Set(served)).toEqual(new Set(offered));
      }),
    );
  });
});
