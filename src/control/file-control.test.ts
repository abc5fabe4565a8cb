import { describe, expect, it } from "vitest";
import { createContext, testNow } from "../../test/support/control.ts";
import { refusalFrom } from "../../test/support/refusals.ts";
import { loadConfig } from "../config/load.ts";
import { plugins } from "../plugins/index.ts";
import { create } from "./change.ts";
import { createFileControl, UntakeableError } from "./file-control.ts";
import { hashOfText } from "./hash.ts";
import { kindOf } from "./kinds.ts";

const asker = { actor: "test", source: "POST /config" };
const service = kindOf("service");

const load = (text: string) => loadConfig(text, { file: "posted", env: {}, plugins });
const textWith = (host: string) => `{"_format_version":"3.0","services":[{"name":"chat","host":"${host}"}]}`;

function createWorld() {
  const control = createFileControl({
    path: "gateway.yaml",
    plugins,
    wallClock: () => testNow * 1000 + 999,
    take: async (_asker, text) => {
      const { config, entities, problems } = load(text);
      if (text.includes("busy")) throw new Error("the gateway is busy");
      if (config === undefined) throw new UntakeableError(problems);
      control.show({ text, entities });
    },
  });
  return control;
}

describe("a control plane over a file", () => {
  it("shows nothing before there is a file", () => {
    const control = createWorld();
    expect(control).toMatchObject({ isWritable: false, place: "gateway.yaml", hash: "0".repeat(32) });
    expect(control.entities.all()).toEqual([]);
  });

  it("shows what the file has, made when it is first asked for", () => {
    const control = createWorld();
    const text = textWith("a.example");
    let asked = 0;
    const { entities } = load(text);
    control.show({
      text,
      entities: () => {
        asked++;
        return entities();
      },
    });
    expect([asked, control.hash]).toEqual([0, hashOfText(text)]);
    expect(control.entities.find(service, "chat")).toMatchObject({ host: "a.example", created_at: testNow });
    expect(control.entities.list(service)).toHaveLength(1);
    expect(asked).toBe(1);
  });

  it("changes nothing, and says where that is done", async () => {
    const control = createWorld();
    const refusal = await refusalFrom(
      control.change(asker, (set) => create(set, service, { host: "a" }, createContext())),
    );
    expect(refusal.kind).toBe("unsupported");
    expect(refusal.message).toContain("change the file, or POST /config");
    expect(await control.audit({ limit: 9 })).toEqual([]);
  });

  it("takes another file in its place", async () => {
    const control = createWorld();
    await control.replaceAll(asker, textWith("b.example"));
    expect(control.entities.find(service, "chat")).toMatchObject({ host: "b.example" });
    expect(control.hash).toBe(hashOfText(textWith("b.example")));
  });

  it("refuses a wrong one with every error at its place, and shows what it did", async () => {
    const control = createWorld();
    await control.replaceAll(asker, textWith("a.example"));
    const { hash } = control;
    const refusal = await refusalFrom(
      control.replaceAll(asker, '_format_version: "3.0"\nservices:\n- name: chat\n  prt: 80\nroutez: []\n'),
    );
    expect(refusal.kind).toBe("declarative");
    expect(refusal.message).toMatch(/^declarative config is invalid: 2 schema violations/);
    expect(refusal.fields).toMatchObject({
      services: { 0: { prt: expect.stringMatching(/\(4:\d+\)$/) } },
      routez: expect.stringMatching(/\(5:1\)$/),
    });
    expect(control.hash).toBe(hash);
  });

  it("says that nothing was changed where it is not the file's fault", async () => {
    const refusal = await refusalFrom(createWorld().replaceAll(asker, "busy: true"));
    expect([refusal.kind, refusal.message]).toEqual([
      "database_error",
      "nothing was changed: the gateway is busy",
    ]);
  });
});
