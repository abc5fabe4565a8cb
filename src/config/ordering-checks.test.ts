import { describe, expect, it } from "vitest";
import { head } from "../../test/support/load-config.ts";
import { plugins } from "../plugins/index.ts";
import { formatProblem, loadConfig } from "./load.ts";

const load = (text: string) => loadConfig(head + text, { file: "g.yaml", env: {}, plugins });
const told = (text: string) =>
  load(text)
    .problems.filter(({ path }) => path.includes("ordering") || path.includes("consumer"))
    .map(formatProblem);

const limit = (beside: string) =>
  `- {name: ai-rate-limiting-advanced, ${beside}, config: {policies: [{limits: [{limit: 1, window_size: 60}]}]}}\n`;
const proxy = (beside: string) =>
  `- {name: ai-proxy, ${beside}, config: {route_type: llm/v1/chat, model: {provider: openai, name: a}}}\n`;
const auth = (beside = "enabled: true") => `- {name: key-auth, ${beside}}\n`;

describe("ordering", () => {
  it("is taken over into the config", () => {
    const result = load(`plugins:\n${auth()}${limit("ordering: {before: {access: [key-auth]}}")}`);
    expect(result.problems).toEqual([]);
    expect(result.config?.plugins.map(({ ordering }) => ordering)).toEqual([
      undefined,
      { before: ["key-auth"], after: [] },
    ]);
  });

  it("may name plugins that are not in the file, with a notice for those this version lacks", () => {
    expect(told(`plugins:\n${limit("ordering: {before: {access: [key-auth, acl]}}")}`)).toEqual([
      "g.yaml:3:76: notice: plugins[0].ordering.before.access[1]: plugin `acl` is not there in this version: accepted, without effect",
    ]);
  });

  it("refuses names that no plugin has, and a plugin's own", () => {
    expect(
      told(
        `plugins:\n${limit("ordering: {before: {access: [key-aut]}, after: {access: [ai-rate-limiting-advanced]}}")}`,
      ),
    ).toEqual([
      "g.yaml:3:66: error: plugins[0].ordering.before.access[0]: there is no plugin `key-aut`: did you mean `key-auth`?",
      "g.yaml:3:94: error: plugins[0].ordering.after.access[0]: names the plugin itself: remove it",
    ]);
  });

  it("refuses circles, once each, and only among plugins that can run for one request", () => {
    const first = "ordering: {before: {access: [key-auth]}}";
    const second = "ordering: {before: {access: [ai-rate-limiting-advanced]}}";
    expect(told(`plugins:\n${auth(second)}${limit(first)}`)).toEqual([
      "g.yaml:3:49: error: plugins[0].ordering.before.access[0]: makes a circle: key-auth before ai-rate-limiting-advanced before key-auth",
    ]);
    const routes = "routes:\n- {name: r1, paths: [/1]}\n- {name: r2, paths: [/2]}\n";
    expect(told(`${routes}plugins:\n${auth(`route: r1, ${second}`)}${limit(`route: r2, ${first}`)}`)).toEqual(
      [],
    );
    const services =
      'services:\n- {name: s1, url: "http://a"}\n- {name: s2, url: "http://b", routes: [{name: r3, paths: [/3]}]}\n';
    expect(
      told(`${services}plugins:\n${auth(`service: s1, ${second}`)}${limit(`route: r3, ${first}`)}`),
    ).toEqual([]);
    expect(
      told(`${services}plugins:\n${auth(`service: s2, ${second}`)}${limit(`route: r3, ${first}`)}`),
    ).toHaveLength(1);
    expect(told(`plugins:\n${auth(`enabled: false, ${second}`)}${limit(first)}`)).toEqual([]);
  });

  it("refuses to put a plugin behind one that answers requests, where it would never run", () => {
    const never = "answers requests itself, so that key-auth would never run behind it: remove this";
    expect(told(`plugins:\n${auth()}${proxy("ordering: {before: {access: [key-auth]}}")}`)).toEqual([
      `g.yaml:4:49: error: plugins[1].ordering.before.access[0]: ai-proxy ${never}`,
    ]);
    expect(
      told(`plugins:\n${auth("ordering: {after: {access: [ai-proxy]}}")}${proxy("enabled: true")}`),
    ).toEqual([`g.yaml:3:48: error: plugins[0].ordering.after.access[0]: ai-proxy ${never}`]);
  });

  it("refuses to put a plugin for a caller before it is known who calls, whoever's wish it is", () => {
    const consumers = "consumers:\n- {username: ann}\n- {username: bob}\n";
    const own = `${consumers}plugins:\n${auth()}${limit("consumer: ann, ordering: {before: {access: [key-auth]}}")}`;
    expect(told(own)).toEqual([
      "g.yaml:7:47: error: plugins[1].consumer: ai-rate-limiting-advanced is put before key-auth (plugins[1].ordering.before.access[0]), where it is not known yet who calls, so it cannot be for one consumer",
    ]);
    const everybodys = `${consumers}plugins:\n${auth("ordering: {after: {access: [ai-rate-limiting-advanced]}}")}${limit("enabled: true")}${limit("consumer: ann")}`;
    expect(told(everybodys)).toEqual([
      "g.yaml:8:47: error: plugins[2].consumer: ai-rate-limiting-advanced is put before key-auth (plugins[0].ordering.after.access[0]), where it is not known yet who calls, so it cannot be for one consumer",
    ]);
    expect(
      told(
        `${consumers}plugins:\n${auth()}${limit("consumer: ann, ordering: {after: {access: [key-auth]}}")}`,
      ),
    ).toEqual([]);
  });
});
