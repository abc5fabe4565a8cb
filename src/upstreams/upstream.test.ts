import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { createExchange } from "../../test/support/exchange.ts";
import { createFakeClock, type FakeClock } from "../../test/support/fake-clock.ts";
import { createPluginServices } from "../../test/support/fake-plugins.ts";
import type { Outcome } from "../balancer/balancer.ts";
import { createTargetMemories, type TargetMemories } from "../balancer/target-memory.ts";
import type { HostAttempt } from "../proxy/service-hosts.ts";
import type { RouteMatch } from "../router/router.ts";
import type { UpstreamTarget } from "./host-target.ts";
import { upstreamOptions } from "./options.ts";
import { createUpstream, type Upstream } from "./upstream.ts";

const match = { uriCaptures: {} } as unknown as RouteMatch; // all that is read of it
const good: Outcome = { ok: true, status: 200, latencyMs: 1 };
const refused: Outcome = { ok: false, failure: "error", latencyMs: 1 };

let clock: FakeClock;
let memories: TargetMemories;
beforeEach(() => {
  clock = createFakeClock();
  memories = createTargetMemories();
});

function create(targets: readonly Partial<UpstreamTarget>[], options: object = {}): Upstream {
  const definition = {
    id: "u",
    name: "api",
    options: z.strictObject(upstreamOptions).parse(options),
    clientCertificate: undefined,
    targets: targets.map((each, index) => ({
      host: `h${index}`,
      port: 80,
      weight: 1,
      failover: false,
      ...each,
    })),
  };
  const { now, schedule } = clock;
  return createUpstream(definition, { ...createPluginServices(), now, schedule, targets: memories });
}

const open = (upstream: Upstream, headers: Record<string, string> = {}) =>
  upstream.open(createExchange({ headers }), match);

function ask(upstream: Upstream, outcome: Outcome = good, headers: Record<string, string> = {}): HostAttempt {
  const host = open(upstream, headers).next();
  if (host === undefined) throw new Error("there was no host");
  host.end?.(outcome);
  return host;
}

const hostsOf = (upstream: Upstream, count: number) =>
  Array.from({ length: count }, () => ask(upstream).host)
    .sort()
    .join(" ");

const out = { healthchecks: { passive: { unhealthy: { tcp_failures: 1 } } } };

describe("an upstream", () => {
  it("shares by weight, and sends nothing to weight 0", () => {
    const upstream = create([{ weight: 3 }, { weight: 1 }, { weight: 0 }]);
    expect(hostsOf(upstream, 8)).toBe("h0 h0 h0 h0 h0 h0 h1 h1");
    expect(upstream.targets().map(({ attempts, name }) => [name, attempts])).toEqual([
      ["h0:80", 6],
      ["h1:80", 2],
    ]);
  });

  it("without a target gives none", () => {
    const hosts = open(create([]));
    expect([hosts.next(), hosts.retryInMs]).toEqual([undefined, undefined]);
  });

  it("tries each target once for a request, then begins again", () => {
    const hosts = open(create([{}, {}]));
    const tried = Array.from({ length: 4 }, () => hosts.next()?.host);
    expect(tried.slice(0, 2).sort()).toEqual(["h0", "h1"]);
    expect(tried.slice(2).sort()).toEqual(["h0", "h1"]);
  });

  it("leaves out what passive checks took out, and says when to come back", () => {
    const upstream = create([{}, {}], out);
    const first = ask(upstream, refused).host;
    expect(new Set(Array.from({ length: 4 }, () => ask(upstream).host))).not.toContain(first);
    ask(upstream, refused);
    const hosts = open(upstream);
    expect(hosts.next()).toBeUndefined();
    expect(hosts.retryInMs).toBe(10_000);
    expect(upstream.targets().map(({ breaker }) => breaker)).toEqual(["open", "open"]);
  });

  it("uses failover targets only while no other is left", () => {
    const upstream = create([{ failover: true }, {}], out);
    expect(hostsOf(upstream, 3)).toBe("h1 h1 h1");
    const hosts = open(upstream);
    expect([hosts.next()?.host, hosts.next()?.host]).toEqual(["h1", "h0"]);
    ask(upstream, refused);
    expect(hostsOf(upstream, 2)).toBe("h0 h0");
  });

  it("is out as a whole below its threshold", () => {
    const upstream = create([{ weight: 60 }, { weight: 40 }], {
      healthchecks: { ...out.healthchecks, threshold: 50 },
    });
    const first = ask(upstream, refused).host;
    expect(first).toBe("h0");
    expect(open(upstream).next()).toBeUndefined();
  });

  it("keeps a key on one target with consistent-hashing, which hash_on asks for beside the default too", () => {
    const upstream = create([{}, {}, {}], {
      algorithm: "round-robin",
      hash_on: "header",
      hash_on_header: "x-user",
    });
    const hosts = (user: string) =>
      new Set(Array.from({ length: 5 }, () => ask(upstream, good, { "x-user": user }).host));
    const users = Array.from({ length: 30 }, (_, index) => hosts(`user ${index}`));
    expect(users.every(({ size }) => size === 1)).toBe(true);
    expect(new Set(users.flatMap((each) => [...each])).size).toBe(3);
    expect(upstream.describe()).toContain("consistent-hashing");
  });

  it("that does not hash gives no cookie to be hashed", () => {
    const upstream = create([{}], { algorithm: "latency", hash_on: "cookie", hash_on_cookie: "c" });
    expect(ask(upstream).setCookie).toBeUndefined();
    const hashing = create([{}], { hash_on: "cookie", hash_on_cookie: "c" });
    expect(ask(hashing).setCookie).toMatch(/^c=[\da-f-]{36}; Path=\/; HttpOnly$/);
    expect(ask(hashing, good, { cookie: "c=1" }).setCookie).toBeUndefined();
  });

  it("prefers the target with fewer requests under way with least-connections", () => {
    const upstream = create([{}, {}], { algorithm: "least-connections" });
    const busy = open(upstream).next();
    const other = ask(upstream).host;
    expect(other).not.toBe(busy?.host);
    expect(ask(upstream).host).toBe(other);
  });

  it("prefers the faster target with latency", () => {
    const upstream = create([{}, {}], { algorithm: "latency" });
    for (let count = 0; count < 6; count++) {
      const host = open(upstream).next();
      host?.end?.({ ...good, latencyMs: host.host === "h0" ? 500 : 5 });
    }
    expect(hostsOf(upstream, 4)).toBe("h1 h1 h1 h1");
  });

  it("keeps a client on its target with sticky-sessions, and gives it another when that is out", () => {
    const upstream = create([{}, {}, {}], {
      algorithm: "sticky-sessions",
      sticky_sessions_cookie: "s",
      ...out,
    });
    const first = ask(upstream);
    const [, value = ""] = /^s=([\da-f]+); Path=\/; HttpOnly$/.exec(first.setCookie ?? "") ?? [];
    const cookie = { cookie: `s=${value}` };
    for (let count = 0; count < 5; count++)
      expect(ask(upstream, good, cookie)).toMatchObject({ host: first.host, setCookie: undefined });
    ask(upstream, refused, cookie);
    const next = ask(upstream, good, cookie);
    expect(next.host).not.toBe(first.host);
    expect(next.setCookie).toMatch(/^s=/);
  });

  it("tries a sticky client's target once like any other, failover targets included", () => {
    const options = { algorithm: "sticky-sessions", sticky_sessions_cookie: "s" };
    const upstream = create([{}, { failover: true }], options);
    const first = ask(upstream);
    const hosts = open(upstream, { cookie: first.setCookie?.split(";")[0] ?? "" });
    expect([hosts.next()?.host, hosts.next()?.host, hosts.next()?.host]).toEqual(["h0", "h1", "h0"]);
  });

  it("knows after a reload what it knew of the targets that are still there, under another weight too", () => {
    const before = create([{}, {}], out);
    const lost = ask(before, refused).host;
    const after = create([{ weight: 7 }, { weight: 9 }], { ...out, slots: 100 });
    before.close();
    expect(new Set(Array.from({ length: 4 }, () => ask(after).host))).not.toContain(lost);
    after.close();
    expect(
      create([{}, {}], out)
        .targets()
        .map(({ breaker }) => breaker),
    ).toEqual(["closed", "closed"]);
  });

  it("ends its timers with it", async () => {
    const upstream = create([{}], { healthchecks: { active: { healthy: { interval: 5 } } } });
    expect(clock.timers).toBe(1);
    upstream.close();
    expect(clock.timers).toBe(0);
  });
});

describe("an upstream with a target marked by hand", () => {
  const healths = (upstream: Upstream) => upstream.health().targets.map(({ health }) => health);

  it("leaves it out until it is marked healthy, whether or not a check is on", () => {
    const upstream = create([{}, {}]);
    expect(healths(upstream)).toEqual(["healthchecks_off", "healthchecks_off"]);
    expect(upstream.mark("h0:80", "unhealthy")).toBe(true);
    expect(hostsOf(upstream, 3)).toBe("h1 h1 h1");
    expect(healths(upstream)).toEqual(["unhealthy", "healthchecks_off"]);
    expect(upstream.targets()).toMatchObject([{ breaker: "open", retryInMs: 0 }, { breaker: "off" }]);
    upstream.mark("h0:80", "healthy");
    expect(hostsOf(upstream, 4)).toBe("h0 h0 h1 h1");
  });

  it("has none of that name, nor one of weight 0, and says so", () => {
    const upstream = create([{}, { weight: 0 }]);
    expect([upstream.mark("h7:80", "unhealthy"), upstream.mark("h1:80", "unhealthy")]).toEqual([
      false,
      false,
    ]);
  });

  it("with all of them out gives none, and does not promise one", () => {
    const upstream = create([{}, {}]);
    for (const name of ["h0:80", "h1:80"]) upstream.mark(name, "unhealthy");
    const hosts = open(upstream);
    expect([hosts.next(), hosts.retryInMs]).toEqual([undefined, undefined]);
    expect(upstream.health().health).toBe("unhealthy");
  });

  it("lets in at once what passive checks took out, with nothing counted", () => {
    const upstream = create([{}], { healthchecks: { passive: { unhealthy: { tcp_failures: 2 } } } });
    for (let count = 0; count < 2; count++) ask(upstream, refused);
    expect(healths(upstream)).toEqual(["unhealthy"]);
    upstream.mark("h0:80", "healthy");
    expect(healths(upstream)).toEqual(["healthy"]);
    ask(upstream, refused);
    expect(healths(upstream)).toEqual(["healthy"]);
  });

  it("remembers it in an upstream that takes its place, and in one whose process hears of it", async () => {
    await clock.advance(1);
    const first = create([{}, {}]);
    first.mark("h0:80", "unhealthy");
    expect(healths(create([{}, {}], out))).toEqual(["unhealthy", "healthy"]);
    const rows = memories.tell("upstream u");
    memories = createTargetMemories();
    const other = create([{}, {}]);
    memories.hear("upstream u", [{ rows, clockOffsetMs: 1, isAlive: true }], 0);
    expect(healths(other)).toEqual(["unhealthy", "healthchecks_off"]);
  });
});
