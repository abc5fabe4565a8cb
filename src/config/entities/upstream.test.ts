import { describe, expect, it } from "vitest";
import { errors, head, lines, load } from "../../../test/support/load-config.ts";

const service = "services: [{name: s, host: api, routes: [{name: r, paths: [/]}]}]\n";
const withUpstream = (upstream: string) => `${head}${service}upstreams: [{name: api${upstream}}]\n`;

describe("an upstream in a file", () => {
  it("has one name, in capitals too", () => {
    expect(lines(`${head}upstreams:\n- {name: Api}\n- {name: aPI}\n- {name: other}\n`)).toEqual([
      "gateway.yaml:4:10: error: upstreams[1].name: another upstream has the name but for capitals (upstreams[0], line 3), which mean nothing in the name of a host",
    ]);
    expect(lines(`${head}upstreams:\n- {name: api}\n- {name: api}\n`)).toHaveLength(1);
  });

  it("has Kong's defaults, and its targets nested or in a list of their own", () => {
    const text = `${withUpstream(", targets: [{target: 'a:1'}, {target: b, weight: 7, failover: true}]")}targets: [{target: c, upstream: api, weight: 0}]\n`;
    const { config, problems } = load(text);
    expect(problems).toEqual([]);
    expect(config?.upstreams).toMatchObject([
      {
        name: "api",
        targets: [
          { host: "a", port: 1, weight: 100, failover: false },
          { host: "b", port: 8000, weight: 7, failover: true },
          { host: "c", port: 8000, weight: 0, failover: false },
        ],
        options: {
          slots: 10000,
          hash_on: "none",
          hash_fallback: "none",
          hash_on_cookie_path: "/",
          use_srv_name: false,
          healthchecks: {
            threshold: 0,
            active: {
              type: "http",
              http_path: "/",
              timeout: 1,
              concurrency: 10,
              https_verify_certificate: true,
              healthy: { interval: 0, successes: 0, http_statuses: [200, 302] },
              unhealthy: { interval: 0, http_failures: 0, tcp_failures: 0, timeouts: 0 },
            },
            passive: {
              type: "http",
              healthy: { successes: 0 },
              unhealthy: { http_statuses: [429, 500, 503] },
            },
          },
        },
      },
    ]);
    expect(config?.services[0]?.upstream).toBe(config?.upstreams[0]?.id);
  });

  it("is found whatever the capitals, by host and by url, and left out where no service names it", () => {
    const text = `${head}services: [{name: s, url: "http://My-API/x"}]\nupstreams: [{name: My-Api}, {name: other}]\n`;
    const { config } = load(text);
    expect(config?.upstreams.map(({ name }) => name)).toEqual(["My-Api"]);
    expect(config?.services[0]?.upstream).toBe(config?.upstreams[0]?.id);
  });

  it.each([
    [", hash_on: header", "hash_on_header: must be set, as hash_on is header"],
    [", hash_on: cookie", "hash_on_cookie: must be set, as hash_on is cookie"],
    [", hash_on: query_arg", "hash_on_query_arg: must be set"],
    [", hash_on: uri_capture", "hash_on_uri_capture: must be set"],
    [", hash_on: ip, hash_fallback: header", "hash_fallback_header: must be set, as hash_fallback is header"],
    [", hash_fallback: ip", "hash_fallback: must be none while hash_on is none"],
    [
      ", hash_on: cookie, hash_on_cookie: c, hash_fallback: ip",
      "hash_fallback: must be none beside hash_on: cookie",
    ],
    [", hash_on: ip, hash_fallback: ip", "hash_fallback: must be another source than hash_on"],
    [
      ", hash_on: header, hash_on_header: X-A, hash_fallback: header, hash_fallback_header: x-a",
      "hash_fallback: must be another source",
    ],
    [", algorithm: sticky-sessions", "sticky_sessions_cookie: must be set for the algorithm sticky-sessions"],
    [", algorithm: robin", "algorithm: expected one of consistent-hashing, least-connections, round-robin"],
    [
      ", hash_on: cookie, hash_on_cookie: c, hash_on_cookie_path: /straße",
      "hash_on_cookie_path: must begin with / and have no spaces, no ; and nothing beyond ASCII",
    ],
    [", sticky_sessions_cookie_path: /a;b", "sticky_sessions_cookie_path: must begin with /"],
    [", host_header: 'a b'", "host_header: must be a host, with or without a port"],
    [
      ', healthchecks: {active: {headers: {x-a: ["a\\nb"]}}}',
      "healthchecks.active.headers.x-a[0]: must not have control characters",
    ],
    [", slots: 5", "slots: must be between 10 and 65536, found 5"],
    [", hash_on: header, hash_on_header: 'a b'", "hash_on_header: must be the name of a header"],
    [", targets: [{target: 'a:0'}]", "targets[0].target: must be host:port"],
    [", targets: [{target: a, weight: 70000}]", "targets[0].weight: must be between 0 and 65535"],
    [", targets: [{target: a, upstream: other}]", "targets[0].upstream: there is no upstream `other`"],
    [
      ", targets: [{target: a}, {target: 'A:8000'}]",
      "targets[1].target: the upstream has the target a:8000 already (upstreams[0].targets[0], line 3)",
    ],
    [
      ", healthchecks: {active: {type: grpc, healthy: {interval: 1}}}",
      "healthchecks.active.type: grpc is not supported by this version",
    ],
    [", healthchecks: {active: {timeout: 0, healthy: {interval: 1}}}", "active.timeout: must be above 0"],
    [
      ", healthchecks: {active: {healthy: {intervall: 1}}}",
      "unknown field `intervall`: did you mean `interval`?",
    ],
    [
      ", client_certificate: 7f1f5d9f-45f2-4b7b-9c7e-0d2b6f7f2a10",
      "client_certificate: there is no certificate",
    ],
  ])("with %s is refused", (more, message) => {
    expect(errors(load(withUpstream(more)))).toEqual([expect.stringContaining(message)]);
  });

  it.each(["10.0.0.1", "'a:80'", "'::1'", "a b"])("is not called %s", (name) => {
    expect(errors(load(`${head}upstreams: [{name: ${name}}]\n`))).toEqual([
      expect.stringContaining("name: must be the name of a host"),
    ]);
  });

  it("takes two headers for two sources, and headers of checks as they are", () => {
    const text = withUpstream(
      ", hash_on: header, hash_on_header: a, hash_fallback: header, hash_fallback_header: b, healthchecks: {active: {headers: {X-A: [b]}}}",
    );
    expect(lines(text)).toEqual([]);
  });

  it("is told of what is not acted on, and of targets that nothing would bring back", () => {
    expect(
      lines(
        withUpstream(
          ", use_srv_name: true, healthchecks: {active: {healthy: {interval: 1}, unhealthy: {tcp_failures: 1}}}",
        ),
      ),
    ).toEqual([
      expect.stringContaining("notice: upstreams[0].use_srv_name: accepted, not acted on yet"),
      expect.stringContaining(
        "warning: upstreams[0].healthchecks.active: takes targets out that nothing brings back",
      ),
    ]);
  });

  it("is told of headers of checks that are the connection's", () => {
    const checks = (more: string) =>
      withUpstream(`, healthchecks: {active: {headers: {Connection: [close], x-a: [b]}${more}}}`);
    expect(lines(checks(", unhealthy: {interval: 1}"))).toEqual([
      expect.stringContaining(
        "warning: upstreams[0].healthchecks.active.headers.Connection: is about the connection",
      ),
    ]);
    expect(lines(checks(""))).toEqual([]);
  });

  it.each([
    [", algorithm: consistent-hashing", "warning: upstreams[0].hash_on: is none, so that nothing is hashed"],
    [
      ", algorithm: latency, hash_on: ip",
      "warning: upstreams[0].hash_on: is without effect for the algorithm latency",
    ],
  ])("with %s is warned of", (more, message) => {
    expect(lines(withUpstream(more))).toEqual([expect.stringContaining(message)]);
  });

  it("is needed by a target that stands alone", () => {
    expect(lines(`${head}targets: [{target: a}]\n`)).toEqual([
      expect.stringContaining("targets[0]: must name its upstream in `upstream`, or stand inside it"),
    ]);
  });
});
