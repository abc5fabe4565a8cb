import { describe, expect, it } from "vitest";
import type { PluginHealth, PluginTarget } from "../../gateway.ts";
import type { Place } from "./crew.ts";
import type { WorkerFacts } from "./messages.ts";
import {
  degradedParts,
  describeWorkers,
  explainedWith,
  mergeComponents,
  mergeTargets,
  mergeUpstreamTargets,
} from "./overview.ts";

const store = (state: PluginHealth["state"], more: Partial<PluginHealth> = {}): PluginHealth => ({
  plugin: "ai-proxy-advanced",
  pluginId: "p-1",
  component: "vector_store",
  name: "redis a:6379",
  state,
  reason: undefined,
  failures: 0,
  writes: 0,
  ...more,
});
const facts = (...components: PluginHealth[]): WorkerFacts => ({
  running: 2,
  traffic: { accepted: 7, open: 5, requests: 40 },
  routes: 1,
  plugins: [{ name: "ai-proxy-advanced", id: "p-1" }],
  components,
  targets: [],
  upstreamTargets: [],
  memory: 100,
});
const target = (more: Partial<PluginTarget> = {}): PluginTarget => ({
  pluginId: "p-1",
  index: 0,
  name: "openai/gpt-4o",
  weight: 100,
  breaker: "closed",
  failures: 0,
  retryInMs: 0,
  healthy: undefined,
  inFlight: 0,
  attempts: 0,
  failed: 0,
  scores: { latency: 1 },
  ...more,
});
const place = (number: number, more: Partial<Place> = {}): Place => ({
  number,
  state: "serving",
  pid: number,
  isCurrent: true,
  deaths: 0,
  lastDeath: undefined,
  ...more,
});

describe("what one worker has explained", () => {
  const explained = {
    plugin: "ai-proxy-advanced",
    pluginId: "p-1",
    algorithm: "priority",
    decision: undefined,
    target: "openai/gpt-4o",
    targets: [target()],
    worker: 1,
  };

  it("has the plugin's targets as all workers see them, named as in every explanation", () => {
    const { pluginId: _, ...merged } = target({ breaker: "open", inFlight: 3, scores: {} });
    expect(
      explainedWith(
        new Map([
          [1, { ...facts(), targets: [target({ inFlight: 1 }), target({ pluginId: "p-2" })] }],
          [2, { ...facts(), targets: [target({ inFlight: 2, breaker: "open" })] }],
        ]),
        explained,
      ),
    ).toEqual({ ...explained, targets: [merged] });
  });

  it("keeps the worker's own where none has told in time", () => {
    expect(explainedWith(new Map([[1, undefined]]), explained)).toBe(explained);
  });
});

describe("a part that drops entries", () => {
  it("has those of all workers", () => {
    const log = (dropped: number) => store("up", { component: "log_file", name: "/a.log", dropped });
    const merged = mergeComponents(
      new Map([
        [1, facts(log(2), store("up"))],
        [2, facts(log(3), store("up"))],
      ]),
    );
    expect(merged).toEqual([log(5), store("up")]);
  });
});

describe("a target that several workers use", () => {
  it("has all their attempts, the breaker that is furthest from use, and nobody's scores", () => {
    const merged = mergeTargets(
      new Map([
        [1, { ...facts(), targets: [target({ attempts: 5, failed: 1, inFlight: 2, healthy: true })] }],
        [
          2,
          { ...facts(), targets: [target({ breaker: "open", failures: 3, retryInMs: 900, healthy: false })] },
        ],
        [3, { ...facts(), targets: [target({ breaker: "half-open", attempts: 2 }), target({ index: 1 })] }],
        [4, undefined],
      ]),
    );
    expect(merged).toEqual([
      target({
        breaker: "open",
        failures: 3,
        retryInMs: 900,
        healthy: false,
        inFlight: 2,
        attempts: 7,
        failed: 1,
        scores: {},
      }),
      target({ index: 1, scores: {} }),
    ]);
  });
});

describe("a part that several workers use", () => {
  it("is as well as where it is worst, for that reason, and its contacts are added up", () => {
    const merged = mergeComponents(
      new Map([
        [1, facts(store("up", { writes: 1 }))],
        [2, facts(store("down", { reason: "refused", failures: 3 }))],
        [3, undefined],
        [4, facts(store("unknown"), store("up", { name: "redis b:6379" }))],
      ]),
    );
    expect(merged).toEqual([
      store("down", { reason: "refused", failures: 3, writes: 1 }),
      store("up", { name: "redis b:6379" }),
    ]);
  });
});

describe("a gateway with workers", () => {
  it("is not degraded while all serve and all parts are up", () => {
    const all = new Map([
      [1, facts(store("up"))],
      [2, facts(store("unknown"))],
    ]);
    expect(degradedParts([place(1), place(2)], all)).toEqual([]);
  });

  it("is degraded by a worker that is being replaced, does not answer or has the old config, and by parts", () => {
    const places = [
      place(1, { state: "starting", isCurrent: false, deaths: 1, lastDeath: "signal SIGKILL" }),
      place(2),
      place(3, { isCurrent: false }),
      place(4),
    ];
    const told = new Map([
      [2, undefined],
      [3, facts()],
      [4, facts(store("down"))],
    ]);
    expect(degradedParts(places, told)).toMatchObject([
      { name: "worker 1", reason: "it died (signal SIGKILL) and is being replaced" },
      { name: "worker 2", reason: "it does not answer" },
      { name: "worker 3", reason: "it is about to take the current configuration" },
      { component: "vector_store", state: "down" },
    ]);
  });

  it("has a row for each target of an upstream, whichever workers used it", () => {
    const row = (more: object) => {
      const { pluginId: _, ...status } = target(more);
      return { upstream: "api", upstreamId: "u-1", ...status };
    };
    const worker = (...upstreamTargets: ReturnType<typeof row>[]) => ({ ...facts(), upstreamTargets });
    const told = new Map([
      [1, worker(row({ attempts: 2 }), row({ index: 1, breaker: "open" }))],
      [2, worker(row({ attempts: 3 }), row({ index: 1, breaker: "closed" }))],
    ]);
    expect(mergeUpstreamTargets(told)).toMatchObject([
      { upstream: "api", index: 0, attempts: 5 },
      { upstream: "api", index: 1, breaker: "open" },
    ]);
  });

  it("sums the numbers and has a row for each worker", () => {
    const described = describeWorkers(
      [place(1), place(2, { state: "starting", isCurrent: false, deaths: 2, lastDeath: "exit code 1" })],
      new Map([
        [1, facts(store("up"))],
        [2, undefined],
      ]),
    );
    expect(described).toEqual({
      running: 2,
      server: {
        total_requests: 40,
        connections_accepted: 7,
        connections_handled: 7,
        connections_active: 5,
        connections_reading: 0,
        connections_writing: 2,
        connections_waiting: 3,
      },
      routes: 1,
      plugins: [{ name: "ai-proxy-advanced", id: "p-1" }],
      targets: [],
      upstreamTargets: [],
      components: [store("up")],
      memory: 100,
      workers: [
        { number: 1, pid: 1, state: "serving", current: true, running: 2, memory: 100, deaths: 0 },
        { number: 2, pid: 2, state: "starting", current: false, deaths: 2, last_death: "exit code 1" },
      ],
    });
  });
});
