import { describe, expect, it } from "vitest";
import { idNumbered, stored } from "../../test/support/control.ts";
import { refusalOf } from "../../test/support/refusals.ts";
import { plugins } from "../plugins/index.ts";
import { checkEntities, type UnservableRefusal } from "./check.ts";
import { EntitySet, type StoredRecord } from "./entity-set.ts";

const check = (records: readonly StoredRecord[], touched: readonly StoredRecord[]) =>
  checkEntities(EntitySet.of(records), touched, { env: {}, plugins });
const refusal = (records: readonly StoredRecord[], touched: readonly StoredRecord[]) =>
  refusalOf(() => check(records, touched)) as UnservableRefusal;

const service = stored("service", 1, { host: "a.example" });
const target = (weight: number) => ({
  route_type: "llm/v1/chat",
  weight,
  model: { provider: "openai", name: "gpt-4o" },
});

describe("entities that are good", () => {
  it("give the config, what it was made of, and advice", () => {
    const vault = stored("vault", 2, { name: "aws", prefix: "mine" });
    const { config, content, problems } = check([service, vault], [service]);
    expect(config.services).toMatchObject([{ id: idNumbered(1), host: "a.example" }]);
    expect(content).toHaveProperty("services");
    expect(problems.map(({ severity }) => severity)).toEqual(["notice"]);
  });
});

describe("a fault", () => {
  it("of the touched entity is told at its field, however deep", () => {
    const plugin = stored("plugin", 2, {
      name: "ai-proxy-advanced",
      config: { targets: [target(1), target(-5)], nmae: "x" },
    });
    const { fields, kind, message } = refusal([service, plugin], [plugin]);
    expect(kind).toBe("schema_violation");
    expect(fields).toMatchObject({
      config: {
        targets: { 1: { weight: expect.any(String) } },
        nmae: expect.stringContaining("unknown field"),
      },
    });
    expect(message).toMatch(/^2 schema violations \(.*config\.targets\.1\.weight: .*\)$/);
  });

  it("of the touched entity as a whole is told under @entity", () => {
    const route = stored("route", 2, {});
    expect(refusal([route], [route]).fields).toEqual({
      "@entity": [expect.stringContaining("must set one of 'methods', 'hosts', 'headers', 'paths'")],
    });
  });

  it("that a change makes in another entity names that entity", () => {
    const credential = stored("keyauth_credential", 3, { key: "{vault://mine/key}" });
    const { fields, message } = refusal([service, credential], [service]);
    expect(fields?.["@entity"]).toEqual(
      expect.arrayContaining([expect.stringContaining(`keyauth_credentials ${idNumbered(3)}: `)]),
    );
    expect(message).toContain("keyauth_credentials");
  });

  it("of the touched entity is told alone, and all are counted", () => {
    const [first, second] = [stored("route", 2, {}), stored("route", 3, {})];
    const { count, fields, message } = refusal([first, second], [first]);
    expect(message).not.toContain(idNumbered(3));
    expect(fields?.["@entity"]).toHaveLength(1);
    expect(count).toBe(2);
  });
});
