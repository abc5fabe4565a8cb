import { describe, expect, it } from "vitest";
import { idNumbered, stored } from "../../test/support/control.ts";
import { refusalOf } from "../../test/support/refusals.ts";
import { EntitySet } from "./entity-set.ts";
import { kindOf } from "./kinds.ts";
import { checkUnique } from "./unique.ts";

const entities = EntitySet.of([
  stored("service", 1, { name: "chat", host: "a" }),
  stored("service", 2, { host: "a" }),
  stored("route", 3, { paths: ["/"] }),
  stored("keyauth_credential", 4, { key: "very-secret" }),
  stored("plugin", 5, { name: "http-log" }),
  stored("plugin", 6, { name: "http-log", route: { id: idNumbered(3) } }),
]);

const check = (kind: string, number: number, fields: Readonly<Record<string, unknown>>) =>
  checkUnique(entities, kindOf(kind), stored(kind, number, fields).record);

describe("what only one may have", () => {
  it("is a name; no name at all is everybody's", () => {
    expect(refusalOf(() => check("service", 9, { name: "chat" }))).toMatchObject({
      kind: "unique_violation",
      message: `UNIQUE violation detected on '{name="chat"}'`,
      fields: { name: "chat" },
    });
    check("service", 9, { name: "Chat" });
    check("service", 9, {});
  });

  it("is kept by who has it", () => {
    check("service", 1, { name: "chat" });
    check("plugin", 6, { name: "http-log", route: { id: idNumbered(3) } });
  });

  it("is of one kind alone", () => check("route", 9, { name: "chat" }));

  it("is a key, which the refusal does not tell", () => {
    const refusal = refusalOf(() => check("keyauth_credential", 9, { key: "very-secret" }));
    expect(refusal.fields).toEqual({ key: "…" });
    expect(refusal.message).not.toContain("very-secret");
  });

  it("is a plugin's place", () => {
    expect(refusalOf(() => check("plugin", 9, { name: "http-log" })).fields).toEqual({
      name: "http-log",
      service: null,
      route: null,
      consumer: null,
      consumer_group: null,
    });
    expect(
      refusalOf(() => check("plugin", 9, { name: "http-log", route: { id: idNumbered(3) } })).message,
    ).toContain(`name="http-log",route={id="${idNumbered(3)}"},service=null`);
    check("plugin", 9, { name: "file-log" });
    check("plugin", 9, { name: "http-log", service: { id: idNumbered(1) } });
  });
});
