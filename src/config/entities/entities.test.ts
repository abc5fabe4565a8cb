import { describe, expect, it } from "vitest";
import { errors, head, lines, load } from "../../../test/support/load-config.ts";
import { aiProxyConfig } from "../../plugins/ai-proxy/config.ts";

describe("entities", () => {
  it("reports references that lead nowhere, with the nearest name", () => {
    const text = `${head}services: [{name: example-service, host: h}]\nroutes:\n- {name: r, paths: [/], service: exmaple-service}\n- {name: q, paths: [/], service: {name: other}}\nplugins:\n- {name: ai-proxy, route: z, config: {route_type: llm/v1/chat, model: {provider: openai}}}\n`;
    expect(lines(text)).toEqual([
      "gateway.yaml:4:34: error: routes[0].service: there is no service `exmaple-service`: did you mean `example-service`?",
      "gateway.yaml:5:25: error: routes[1].service: there is no service `other`",
      "gateway.yaml:7:27: error: plugins[0].route: there is no route `z`",
    ]);
  });

  it("reports names, ids and plugin scopes that are given twice", () => {
    const proxy = "{name: ai-proxy, config: {route_type: llm/v1/chat, model: {provider: openai}}}";
    const text = `${head}services:\n- {name: a, host: h}\n- {name: a, host: h}\nplugins:\n- ${proxy}\n- ${proxy}\n`;
    expect(lines(text)).toEqual([
      "gateway.yaml:4:10: error: services[1].name: another service has the name `a` already (services[0], line 3)",
      "gateway.yaml:7:10: error: plugins[1].name: the plugin is set up for the same requests already (plugins[0], line 6); keep one of them",
    ]);
  });

  it("scopes a plugin by its place and by its references", () => {
    const config = "config: {route_type: llm/v1/chat, model: {provider: openai}}";
    const text = `${head}services:\n- name: s\n  host: h\n  plugins: [{name: ai-proxy, ${config}}]\n  routes:\n  - name: r\n    paths: [/]\n    plugins: [{name: ai-proxy, ${config}}]\nplugins:\n- {name: ai-proxy, service: s, route: {name: r}, enabled: false, ${config}}\n`;
    const { config: loaded, problems } = load(text);
    expect(problems).toEqual([]);
    const [service] = loaded?.services ?? [];
    const [route] = loaded?.routes ?? [];
    expect(loaded?.plugins.map(({ enabled, scope }) => [enabled, scope])).toEqual([
      [true, { service: service?.id }],
      [true, { route: route?.id }],
      [false, { service: service?.id, route: route?.id }],
    ]);
  });

  it("tells a plugin of Kong's that we lack from one that is misspelt", () => {
    expect(lines(`${head}plugins: [{name: jwt}, {name: ai-proxy-advnced}, {name: zzz}]\n`)).toEqual([
      expect.stringContaining(
        "plugin `jwt` is not supported by this version (supported: key-auth, ai-proxy-advanced, ai-proxy)",
      ),
      expect.stringContaining("there is no plugin `ai-proxy-advnced`: did you mean `ai-proxy-advanced`?"),
      expect.stringContaining("there is no plugin `zzz` (supported: key-auth, ai-proxy-advanced, ai-proxy)"),
    ]);
  });

  it("validates a plugin that is switched off", () => {
    expect(lines(`${head}plugins: [{name: ai-proxy, enabled: false}]\n`)).toEqual([
      expect.stringContaining("plugins[0].config.route_type: is required but missing (one of "),
      "gateway.yaml:2:11: error: plugins[0].config.model: is required but missing",
    ]);
  });

  it.each([
    ["{name: a}", "services[0].host: must set host, or url as a shorthand for it"],
    ["{name: a, url: example.com}", "services[0].url: must be a full URL"],
    [
      "{name: a, url: 'tcp://a:1'}",
      "services[0].url: protocol tcp is not supported by this version (supported: http, https)",
    ],
    ["{name: a, host: b, port: 70000}", "services[0].port: must be between 0 and 65535, found 70000"],
    [
      "{name: a, host: b, enabled: yes}",
      "services[0].enabled: expected true or false, found a text: write true or false, without quotes",
    ],
    [
      "{name: a, host: b, protocol: htp}",
      "expected one of grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp, ws, wss, found `htp`: did you mean `http`?",
    ],
    ["{name: a, host: b, treshold: }", "services[0].treshold: unknown field `treshold`"],
    ["{name: a, host: b, routes: [{paths: [/a], id: x}]}", "services[0].routes[0].id: must be a UUID"],
    [
      "{name: a, host: b, routes: [{name: r}]}",
      "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'",
    ],
    [
      "{name: a, host: b, routes: [{paths: [a]}]}",
      "services[0].routes[0].paths[0]: should start with: / (fixed path) or ~/ (regex path)",
    ],
    ["{name: a, host: b, routes: [{paths: ['~/(a']}]}", "services[0].routes[0].paths[0]: "],
    [
      "{name: a, host: b, routes: [{paths: [/], sources: [{ip: 1.2.3.4}]}]}",
      "sources is not supported by this version",
    ],
    [
      "{name: a, host: b, routes: [{paths: [/], snis: [a], protocols: [http]}]}",
      "services[0].routes[0].snis: 'snis' can only be set when 'protocols' is 'grpcs', 'https' or 'tls'",
    ],
    [
      "{name: a, host: b, routes: [{snis: ['a.*.b']}]}",
      "services[0].routes[0].snis[0]: snis.0 cannot be used",
    ],
    [
      "{name: a, host: b, routes: [{protocols: [http]}]}",
      "must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'",
    ],
    [
      "{name: a, host: b, routes: [{paths: [/], protocols: [tcp]}]}",
      "none of tcp is supported by this version",
    ],
    ["{name: a, host: b, routes: [{paths: [/], service: c}]}", "there is no service `c`"],
  ])("refuses the service %s", (service, message) => {
    const result = load(`${head}services: [${service}]\n`);
    expect(errors(result)).toEqual([expect.stringContaining(message)]);
    expect(result.config).toBeUndefined();
  });

  it("takes a route for server names alone, and one for https alone", () => {
    const routes =
      "[{snis: [a.example, '*.b']}, {paths: [/], protocols: [https], https_redirect_status_code: 308}]";
    const text = `${head}services: [{host: b, routes: ${routes}}]\n`;
    expect(lines(text)).toEqual([]);
    expect(load(text).config?.routes).toMatchObject([
      { snis: ["a.example", "*.b"], httpsRedirectStatus: 426 },
      { protocols: ["https"], httpsRedirectStatus: 308 },
    ]);
  });

  it("reads a service's URL", () => {
    const services = `${head}services: [{url: "https://[::1]/a/b"}, {url: "http://x:81"}]\n`;
    expect(load(services).config?.services).toMatchObject([
      { protocol: "https", host: "::1", port: 443, path: "/a/b" },
      { protocol: "http", host: "x", port: 81, path: undefined },
    ]);
  });

  it("fills in shared plugin settings", () => {
    const text = `${head}_plugin_configs: {chat: {route_type: llm/v1/chat, model: {provider: openai}}}\nplugins: [{name: ai-proxy, _config: chat, config: {model: {provider: anthropic, options: {anthropic_version: x}}}}]\n`;
    expect(aiProxyConfig.parse(load(text).config?.plugins[0]?.config)).toMatchObject({
      route_type: "llm/v1/chat",
      model: { provider: "anthropic" },
    });
    expect(lines(text.replace("_config: chat", "_config: cat"))).toEqual([
      expect.stringContaining("no fields under `cat`"),
    ]);
  });
});
