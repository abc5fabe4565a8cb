import { describe, expect, it } from "vitest";
import { idNumbered, stored } from "../../test/support/control.ts";
import { refusalOf } from "../../test/support/refusals.ts";
import { smallSet as entities, idOf } from "../../test/support/small-set.ts";
import type { Change } from "./change.ts";
import { kindOf } from "./kinds.ts";
import { remove } from "./removal.ts";

const service = kindOf("service");
const route = kindOf("route");
const consumer = kindOf("consumer");
const credential = kindOf("keyauth_credential");
const group = kindOf("consumer_group");

const keysOf = ({ removed }: Change) => removed.map(({ id, kind }) => `${kind} ${id}`).toSorted();

describe("removing", () => {
  it("takes along what belongs to the entity, and what belongs to that", () => {
    expect(keysOf(remove(entities, route, "ask"))).toEqual([
      `plugin ${idNumbered(103)}`,
      `route ${idNumbered(102)}`,
    ]);
    const tie = `consumer_group_consumer ${idNumbered(106)}:${idNumbered(104)}`;
    expect(keysOf(remove(entities, consumer, "ada"))).toEqual([
      `consumer ${idNumbered(104)}`,
      tie,
      `keyauth_credential ${idNumbered(105)}`,
    ]);
    expect(keysOf(remove(entities, group, "team"))).toEqual([
      `consumer_group ${idNumbered(106)}`,
      tie,
      `plugin ${idNumbered(107)}`,
    ]);
  });

  it("is refused while something else refers to the entity", () => {
    expect(refusalOf(() => remove(entities, service, "chat"))).toMatchObject({
      kind: "foreign_key_violation",
      message: "an existing 'routes' entity references this 'services' entity",
    });
    const without = entities.with([], remove(entities, route, "ask").removed);
    expect(keysOf(remove(without, service, "chat"))).toEqual([`service ${idNumbered(101)}`]);
  });

  it("is refused while a list has the entity, of ids or of links", () => {
    const authority = stored("ca_certificate", 301, { cert: "" });
    const partial = stored("partial", 301, { name: "p", type: "model" });
    const world = entities.with(
      [
        authority,
        partial,
        stored("service", 302, { host: "a", ca_certificates: [idNumbered(301)] }),
        stored("plugin", 303, { name: "ai-proxy", partials: [{ ...idOf(301), name: "p" }] }),
      ],
      [],
    );
    for (const [kind, by] of [
      ["ca_certificate", "services"],
      ["partial", "plugins"],
    ] as const)
      expect(refusalOf(() => remove(world, kindOf(kind), idNumbered(301)))).toMatchObject({
        kind: "foreign_key_violation",
        fields: { "@referenced_by": by },
      });
    const free = world.with([], [stored("service", 302), stored("plugin", 303)]);
    for (const kind of ["ca_certificate", "partial"])
      expect(keysOf(remove(free, kindOf(kind), idNumbered(301)))).toEqual([`${kind} ${idNumbered(301)}`]);
  });

  it("leaves alone what has the same id among other kinds", () => {
    const namesake = stored("service", 104, { host: "a" });
    const key = stored("keyauth_credential", 104, { key: "k", consumer: idOf(104) });
    expect(keysOf(remove(entities.with([namesake], []), service, idNumbered(104)))).toEqual([
      `service ${idNumbered(104)}`,
    ]);
    expect(keysOf(remove(entities.with([key], []), credential, idNumbered(104)))).toEqual([
      `keyauth_credential ${idNumbered(104)}`,
    ]);
  });

  it("of what is not there changes nothing", () => {
    expect(remove(entities, service, "nobody")).toEqual({ put: [], removed: [], record: undefined });
  });
});
