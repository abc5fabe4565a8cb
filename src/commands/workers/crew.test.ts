import { describe, expect, it } from "vitest";
import { createFakeClock, settled } from "../../../test/support/fake-clock.ts";
import { createRecordingLogger } from "../../../test/support/recording-logger.ts";
import type { Answer } from "../../admin/explain.ts";
import { ledgerOptions } from "../../ledger/options.ts";
import { Crew } from "./crew.ts";
import type { Dispatcher, Taker } from "./dispatcher.ts";
import type { Answers, Order, WorkerConfig, WorkerFacts } from "./messages.ts";
import { createMetricsView } from "./metrics-view.ts";
import type { WorkerProcess } from "./worker-process.ts";

const config = (text: string): WorkerConfig => ({
  source: { path: "gateway.yaml", text },
  fallback: undefined,
});
const textOf = ({ source }: WorkerConfig) => ("text" in source ? source.text : "");
const facts: WorkerFacts = {
  running: 0,
  traffic: { accepted: 0, open: 0, requests: 0 },
  routes: 1,
  plugins: [],
  components: [],
  targets: [],
  upstreamTargets: [],
  memory: 1,
};

const question = { body: {}, headers: {}, plugin: undefined };
const answer: Answer = {
  explanations: [
    { plugin: "p", pluginId: "p-1", algorithm: "a", decision: undefined, target: "fake/m0", targets: [] },
  ],
  plugins: ["p-1"],
};

type Behaviour = (order: Order, pid: number) => Promise<void> | undefined;

interface FakeWorker extends WorkerProcess {
  readonly number: number;
  readonly orders: readonly string[];
  die(how: string): void;
}

/** Workers that do as they are told unless `behave` says otherwise: what it returns is awaited first. */
function createWorkers(size = 2) {
  const clock = createFakeClock();
  const log = createRecordingLogger();
  const processes: FakeWorker[] = [];
  const serving = new Set<Taker>();
  let behave: Behaviour = () => undefined;
  const dispatcher: Dispatcher = {
    offer: () => undefined,
    add: (taker) => void serving.add(taker),
    remove: (taker) => void serving.delete(taker),
    close: () => undefined,
  };
  const fork = (number: number): FakeWorker => {
    const pid = processes.length + 1;
    const orders: string[] = [];
    let end: (how: string) => void = () => undefined;
    const gone = new Promise<string>((resolve) => {
      end = resolve;
    });
    const died = gone.then((how) => {
      throw new Error(`worker ${number} ended with ${how}`);
    });
    died.catch(() => undefined);
    const worker: FakeWorker = {
      pid,
      number,
      orders,
      async ask<Kind extends Order["kind"]>(order: Extract<Order, { kind: Kind }>): Promise<Answers[Kind]> {
        orders.push("config" in order ? `${order.kind} ${textOf(order.config)}` : order.kind);
        await Promise.race([behave(order, pid), died]);
        const values = { facts, metrics: [], explain: answer, mark: pid > 1 } as unknown as Answers; // the rest answers with nothing
        return values[order.kind as Kind];
      },
      give: () => undefined,
      hear: () => undefined,
      kill: () => end("signal SIGKILL"),
      die: end,
      gone,
      closed: gone.then(() => undefined),
    };
    processes.push(worker);
    return worker;
  };
  const crew = new Crew(config("a"), {
    size,
    settings: {
      listen: { host: "127.0.0.1", port: 0 },
      listenSecure: undefined,
      trustedIps: [],
      logLevel: "info",
      pretty: false,
      ledger: ledgerOptions.parse({ strategy: "off" }),
      prefix: ".sluice",
    },
    fork,
    dispatcher,
    metrics: createMetricsView(),
    log,
    now: clock.now,
    schedule: clock.schedule,
  });
  return {
    crew,
    clock,
    log,
    processes,
    serving,
    of: (pid: number): FakeWorker => {
      const found = processes[pid - 1];
      if (found === undefined) throw new Error(`no worker has been forked with pid ${pid}`);
      return found;
    },
    behave(next: Behaviour) {
      behave = next;
    },
  };
}

async function started(size = 2) {
  const workers = createWorkers(size);
  await workers.crew.start();
  return workers;
}

/** Work that goes on when the test says so. */
function createGate() {
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { held: () => gate, go: () => open() };
}

const states = (crew: Crew) => crew.places.map(({ state, isCurrent }) => [state, isCurrent]);

describe("workers that start", () => {
  it("are forked together, but the first has started before the others begin", async () => {
    const workers = createWorkers(3);
    const { held, go } = createGate();
    workers.behave((order, pid) => (order.kind === "start" && pid === 1 ? held() : undefined));
    const starting = workers.crew.start();
    await settled();
    expect(workers.processes.map(({ orders }) => orders)).toEqual([["start a"], [], []]);
    go();
    await starting;
    expect(workers.processes.map(({ orders }) => orders)).toEqual([["start a"], ["start a"], ["start a"]]);
    expect([...workers.serving]).toEqual(workers.processes);
  });

  it("all end when one of them cannot, which is not taken for a death", async () => {
    const workers = createWorkers();
    workers.behave((order, pid) =>
      order.kind === "start" && pid === 2 ? Promise.reject(new Error("no memory")) : undefined,
    );
    await expect(workers.crew.start()).rejects.toThrow("no memory");
    await workers.clock.advance(60_000);
    expect(await Promise.all(workers.processes.map(({ gone }) => gone))).toEqual(
      Array(2).fill("signal SIGKILL"),
    );
    expect(workers.processes).toHaveLength(2);
    expect(workers.log.lines).toEqual([]);
  });
});

describe("a config that workers take", () => {
  it("is prepared by all before any serves it", async () => {
    const { crew, processes, behave } = await started();
    const prepared: number[] = [];
    behave((order, pid) => {
      if (order.kind === "prepare") prepared.push(pid);
      if (order.kind === "commit") expect(prepared).toEqual([1, 2]);
      return undefined;
    });
    await crew.take(config("b"));
    for (const { orders } of processes) expect(orders).toEqual(["start a", "prepare b", "commit"]);
    expect(states(crew)).toEqual([
      ["serving", true],
      ["serving", true],
    ]);
  });

  it("is served by none when one cannot prepare it, and by all the next time", async () => {
    const { crew, processes, behave } = await started();
    behave((order, pid) =>
      order.kind === "prepare" && pid === 2 ? Promise.reject(new Error("no such host")) : undefined,
    );
    await expect(crew.take(config("b"))).rejects.toThrow("no such host");
    for (const { orders } of processes) expect(orders).toEqual(["start a", "prepare b", "discard"]);
    expect(states(crew)).toEqual([
      ["serving", true],
      ["serving", true],
    ]);
    behave(() => undefined);
    await crew.take(config("c"));
    expect(processes.map(({ orders }) => orders.slice(3))).toEqual(Array(2).fill(["prepare c", "commit"]));
  });

  it("is served by none when it kills one", async () => {
    const { crew, of, behave } = await started();
    behave((order, pid) => {
      if (order.kind !== "prepare" || pid !== 2) return undefined;
      of(2).die("exit code 134");
      return new Promise(() => undefined);
    });
    await expect(crew.take(config("b"))).rejects.toThrow("worker 2 ended with exit code 134");
    expect(of(1).orders).toEqual(["start a", "prepare b", "discard"]);
  });

  it("costs a worker its life that has prepared it and cannot serve it, and its successor has it", async () => {
    const { crew, of, clock, behave, log } = await started();
    behave((order, pid) =>
      order.kind === "commit" && pid === 2 ? Promise.reject(new Error("late")) : undefined,
    );
    await crew.take(config("b"));
    await clock.advance(0);
    expect(of(3).orders).toEqual(["start b"]);
    expect(states(crew)).toEqual([
      ["serving", true],
      ["serving", true],
    ]);
    expect(log.lines.filter(({ level }) => level === "error")).toMatchObject([
      { message: "a worker died and is replaced", facts: { worker: 2, reason: "late" } },
    ]);
  });

  it("reaches a worker that was being replaced meanwhile", async () => {
    const { crew, of, clock, behave } = await started();
    const { held, go } = createGate();
    behave((order, pid) => (order.kind === "start" && pid === 3 ? held() : undefined));
    of(2).die("exit code 1");
    await clock.advance(0);
    await crew.take(config("b"));
    expect(states(crew)).toEqual([
      ["serving", true],
      ["starting", false],
    ]);
    go();
    await settled();
    expect(of(3).orders).toEqual(["start a", "prepare b", "commit"]);
    expect(states(crew)).toEqual([
      ["serving", true],
      ["serving", true],
    ]);
  });

  it("reaches a worker that began to serve between the halves of the reload", async () => {
    const { crew, of, clock, behave } = await started();
    of(2).die("exit code 1");
    const { held, go } = createGate();
    behave((order, pid) => (order.kind === "prepare" && pid === 1 ? held() : undefined));
    const taking = crew.take(config("b"));
    await clock.advance(0);
    expect(crew.places[1]).toMatchObject({ state: "serving", pid: 3 });
    go();
    await taking;
    expect(of(3).orders).toEqual(["start a", "prepare b", "commit"]);
    expect(states(crew)).toEqual([
      ["serving", true],
      ["serving", true],
    ]);
  });

  it("is refused while no worker serves", async () => {
    const { crew, of, behave, clock } = await started(1);
    behave(() => new Promise(() => undefined));
    of(1).die("exit code 1");
    await clock.advance(0);
    await expect(crew.take(config("b"))).rejects.toThrow("no worker serves at the moment");
  });

  it("is taken one after another", async () => {
    const { crew, processes } = await started();
    await Promise.all([crew.take(config("b")), crew.take(config("c"))]);
    for (const { orders } of processes)
      expect(orders).toEqual(["start a", "prepare b", "commit", "prepare c", "commit"]);
  });
});

describe("a worker that dies", () => {
  it("is replaced at once, told once, and gets no connections meanwhile", async () => {
    const { crew, of, clock, log, serving } = await started();
    of(1).die("signal SIGSEGV");
    await settled();
    expect([...serving]).toEqual([of(2)]);
    expect(states(crew)).toEqual([
      ["starting", false],
      ["serving", true],
    ]);
    await clock.advance(0);
    expect([...serving]).toEqual([of(2), of(3)]);
    expect(crew.places[0]).toMatchObject({ pid: 3, deaths: 1, lastDeath: "signal SIGSEGV" });
    expect(log.lines.map(({ message }) => message)).toEqual([
      "a worker died and is replaced",
      "a worker serves in place of the one that died",
    ]);
  });

  it("five times in ten seconds ends the crew, the reason told", async () => {
    const { crew, processes, clock } = await started();
    for (let deaths = 0; deaths < 5; deaths++) {
      processes.findLast(({ number }) => number === 2)?.die("exit code 1");
      await clock.advance(1_000);
    }
    expect((await crew.failed).message).toBe(
      "worker 2 died 5 times within 10 s, the last time with exit code 1; the lines above say more",
    );
    expect(processes.filter(({ number }) => number === 2)).toHaveLength(5);
  });

  it("at every attempt to start is given up in the same way", async () => {
    const { crew, of, clock, behave } = await started();
    behave((order) => (order.kind === "start" ? Promise.reject(new Error("too many files")) : undefined));
    of(2).die("exit code 1");
    await clock.advance(10_000);
    expect((await crew.failed).message).toContain("signal SIGKILL (too many files)");
  });
});

describe("workers that stop", () => {
  it("are asked to, and are not replaced", async () => {
    const { crew, processes, clock, behave, of, log } = await started();
    behave((order, pid) => {
      if (order.kind === "stop") setImmediate(() => of(pid).die("exit code 0"));
      return undefined;
    });
    await crew.stop(1_000);
    await clock.advance(60_000);
    expect(processes.map(({ orders }) => orders.at(-1))).toEqual(["stop", "stop"]);
    expect(await Promise.all(processes.map(({ gone }) => gone))).toEqual(["exit code 0", "exit code 0"]);
    expect(processes).toHaveLength(2);
    expect(log.lines).toEqual([]);
  });

  it("and do not are ended, and so are those that are only starting", async () => {
    const { crew, of, clock, behave, log } = await started();
    of(1).die("exit code 1");
    await settled();
    behave((order) =>
      order.kind === "stop" ? Promise.reject(new Error("not answered")) : new Promise(() => undefined),
    );
    await clock.advance(0);
    await crew.stop(1_000);
    expect(await Promise.all([of(2).gone, of(3).gone])).toEqual(["signal SIGKILL", "signal SIGKILL"]);
    expect(log.lines.at(-1)).toMatchObject({
      message: "a worker did not stop and is ended",
      facts: { reason: "not answered" },
    });
  });
});

describe("a question", () => {
  it("is for the first worker that serves the current config, whose number is in the answer", async () => {
    const { crew, of } = await started();
    expect(await crew.explain(question)).toEqual({
      explanations: [{ ...answer.explanations[0], worker: 1 }],
      plugins: ["p-1"],
    });
    of(1).die("signal SIGKILL");
    await settled();
    expect((await crew.explain(question)).explanations[0]?.worker).toBe(2);
    of(2).die("signal SIGKILL");
    await settled();
    await expect(crew.explain(question)).rejects.toThrow("no worker serves the current configuration");
  });

  it("is not answered by a worker that dies of something else meanwhile", async () => {
    const { crew, of, behave } = await started();
    behave((order) => (order.kind === "explain" ? new Promise(() => undefined) : undefined));
    const asked = crew.explain(question);
    asked.catch(() => undefined);
    of(1).die("signal SIGKILL");
    await expect(asked).rejects.toThrow("worker 1 ended with signal SIGKILL");
  });
});

describe("a target that is marked", () => {
  const mark = { upstreamId: "u", target: "a:80", health: "unhealthy" } as const;

  it("is so by all workers that serve, and runs where one of them has it", async () => {
    const { crew, processes, of } = await started();
    expect(await crew.mark(mark)).toBe(true);
    expect(processes.map(({ orders }) => orders.at(-1))).toEqual(["mark", "mark"]);
    of(2).die("signal SIGKILL");
    await settled();
    expect(await crew.mark(mark)).toBe(false);
  });

  it("is not said to be where one does not answer, nor where none serves", async () => {
    const { crew, of, behave } = await started();
    behave((order, pid) =>
      order.kind === "mark" && pid === 2 ? Promise.reject(new Error("no answer")) : undefined,
    );
    await expect(crew.mark(mark)).rejects.toThrow("no answer");
    for (const pid of [1, 2]) of(pid).die("signal SIGKILL");
    await settled();
    await expect(crew.mark(mark)).rejects.toThrow("no worker serves at the moment");
  });
});
