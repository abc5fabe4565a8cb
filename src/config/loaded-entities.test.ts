import { describe, expect, it } from "vitest";
import { plugins } from "../plugins/index.ts";
import { loadConfig, loadDocument } from "./load.ts";

const options = { file: "gateway.yaml", env: { HOST: "a.example", KEY: "very-secret" }, plugins };

const entitiesOf = (text: string) => loadConfig(text, options).entities();

describe("the entities of a good file", () => {
  const loaded = entitiesOf(`_format_version: "3.0"
services:
- name: chat
  host: '{vault://env/host}'
  path: null
  routes:
  - name: ask
    paths: [/ask]
    plugins: [{ name: http-log, consumer: ada, config: { http_endpoint: "http://a/" } }]
consumers:
- username: ada
  groups: [team]
  keyauth_credentials: [{ key: "{vault://env/key}" }]
consumer_groups:
- name: team
  consumers: [ada]
plugins: [{ name: key-auth }]
`);
  const of = (kind: string) => loaded.filter((each) => each.kind === kind);
  const [service, route, consumer, credential, group] = [
    "service",
    "route",
    "consumer",
    "keyauth_credential",
    "consumer_group",
  ].map((kind) => of(kind)[0]);
  const [plugin, globalPlugin] = of("plugin");
  it("are flat, each with the ids of what it refers to, by field or by place", () => {
    expect(service).toMatchObject({ kind: "service", references: {} });
    expect(route).toMatchObject({ kind: "route", references: { service: [service?.id] } });
    expect(plugin).toMatchObject({
      kind: "plugin",
      fields: { name: "http-log" },
      references: { route: [route?.id], consumer: [consumer?.id], service: [], consumer_group: [] },
    });
    expect(consumer).toMatchObject({ kind: "consumer", references: { groups: [group?.id] } });
    expect(credential).toMatchObject({ references: { consumer: [consumer?.id] } });
    expect(group).toMatchObject({ references: { consumers: [consumer?.id] } });
    expect(globalPlugin).toMatchObject({ fields: { name: "key-auth" } });
    expect(loaded).toHaveLength(7);
  });

  it("have the fields that were written, without what is nested in them and what is null, lists of others by id", () => {
    expect(service?.fields).toEqual({ name: "chat", host: "{vault://env/host}" });
    expect(route?.fields).toEqual({ name: "ask", paths: ["/ask"] });
    expect(consumer?.fields).toEqual({ username: "ada", groups: [group?.id] });
  });

  it("keep references to vaults as they were written", () => {
    expect(credential?.fields).toEqual({ key: "{vault://env/key}" });
  });
});

describe("the entities of a bad file", () => {
  it("are none", () => {
    expect(entitiesOf('{"_format_version":"3.0","services":[{"name":"chat"}]}')).toEqual([]);
    expect(entitiesOf("[")).toEqual([]);
  });
});

describe("a fragment", () => {
  const load = (document: Readonly<Record<string, unknown>>, isFragment: boolean) =>
    loadDocument({ _format_version: "3.0", ...document }, { ...options, isFragment }).problems.map(
      ({ message }) => message,
    );
  const pointing = {
    routes: [{ name: "ask", paths: ["/"], service: { id: "00000000-0000-4000-8000-000000000009" } }],
    keyauth_credentials: [{ key: "k" }],
    plugins: [{ name: "http-log", route: "nobody", config: { http_endpoint: "http://a/" } }],
  };

  it("may refer to what is not in it", () => {
    expect(load(pointing, true)).toEqual([]);
    expect(load(pointing, false)).toHaveLength(3);
  });

  it("is checked like others in itself", () => {
    expect(load({ routes: [{ name: "ask", service: "nobody" }] }, true)).toEqual([
      expect.stringContaining("must set one of 'methods'"),
    ]);
    expect(load({ services: [{ host: "a", prt: 1 }] }, true)).toEqual([
      expect.stringContaining("did you mean"),
    ]);
  });
});
