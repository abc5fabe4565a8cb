import { describe, expect, it } from "vitest";
import { createContext, createControl, idNumbered, stored } from "../../test/support/control.ts";
import { createMemoryConfigStore } from "../../test/support/memory-config-store.ts";
import { refusalFrom } from "../../test/support/refusals.ts";
import { create, modify } from "./change.ts";
import type { EntitySet } from "./entity-set.ts";
import { kindOf } from "./kinds.ts";
import { remove } from "./removal.ts";

const asker = { actor: "tester", source: "PATCH /routes" };
const service = kindOf("service");
const route = kindOf("route");

/** What this version cannot serve. */
const broken = (number: number) => stored("route", number, { name: `broken-${number}` });

describe("what cannot be served", () => {
  it("is there to be mended when the gateway opens", async () => {
    const store = createMemoryConfigStore();
    store.writeElsewhere({ put: [broken(1)] });
    const { control, taken } = createControl({ store });
    expect(await control.open()).toBeUndefined();
    expect(control.fault).toContain("must set one of");
    await control.change(asker, (entities) =>
      modify(entities, route, "broken-1", { paths: ["/mended"] }, createContext()),
    );
    expect([control.fault, taken.at(-1)?.routes.length]).toEqual([undefined, 1]);
  });

  it("is told by its id and field where it is a name that an earlier version took, and mended by either", async () => {
    const store = createMemoryConfigStore();
    const named = (number: number, name: string) => stored("service", number, { name, host: "a.example" });
    store.writeElsewhere({ put: [named(1, "a b"), named(2, "c/d")] });
    const { control, taken } = createControl({ store });
    await control.open();
    expect(control.fault).toContain(`services ${idNumbered(1)}: name: invalid value 'a b': `);
    expect(control.fault).toContain(`services ${idNumbered(2)}: name: invalid value 'c/d': `);
    const rename = (key: string, name: string) =>
      control.change(asker, (entities) => modify(entities, service, key, { name }, createContext()));
    await rename("a b", "a-b");
    await rename(idNumbered(2), "c-d");
    expect([control.fault, control.entities.list(service).map(({ name }) => name), taken.length]).toEqual([
      undefined,
      ["a-b", "c-d"],
      1,
    ]);
  });

  it("is mended one by one where it is several, and served when the last of them is", async () => {
    const store = createMemoryConfigStore();
    store.writeElsewhere({ put: [broken(1), broken(2), broken(3)] });
    const { control, taken } = createControl({ store });
    await control.open();
    const mend = (number: number) =>
      control.change(asker, (entities) =>
        modify(entities, route, `broken-${number}`, { paths: ["/mended"] }, createContext()),
      );
    await mend(1);
    expect(control.fault).toContain(idNumbered(2));
    expect(control.fault).not.toContain(idNumbered(1));
    await control.change(asker, (entities) => remove(entities, route, idNumbered(2)));
    expect([taken.length, store.writes]).toEqual([0, 2]);
    await mend(3);
    expect([control.fault, taken.at(-1)?.routes.length]).toEqual([undefined, 2]);
  });

  it("is not added to", async () => {
    const store = createMemoryConfigStore();
    store.writeElsewhere({ put: [broken(1)] });
    const { control } = createControl({ store });
    await control.open();
    const adding = (entities: EntitySet) => create(entities, service, { host: "a" }, createContext());
    const refusal = await refusalFrom(control.change(asker, adding));
    expect(refusal.message).toContain(`routes ${idNumbered(1)}: `);
    expect(store.writes).toBe(0);
  });
});
