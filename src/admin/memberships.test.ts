import { describe, expect, it } from "vitest";
import { createAdmin } from "../../test/support/admin-api.ts";

async function createPeople() {
  const admin = createAdmin();
  const { ask } = admin;
  const make = async (line: string) => (await ask(line, { body: {} })).body.id as string; // every entity has one
  const ids = {
    ada: await make("PUT /consumers/ada"),
    bob: await make("PUT /consumers/bob"),
    team: await make("PUT /consumer_groups/team"),
    crew: await make("PUT /consumer_groups/crew"),
  };
  return { ...admin, ids };
}

const namesOf = (list: readonly { readonly username?: string; readonly name?: string }[]) =>
  list.map(({ name, username }) => username ?? name).toSorted();

describe("the members of a group", () => {
  it("join by name, by id and by block, one or several", async () => {
    const { ask, ids } = await createPeople();
    for (const [consumer, count] of [
      ["ada", 1],
      [ids.ada, 1],
      [{ id: ids.ada }, 1],
      [{ username: "ada" }, 1],
      [["ada", ids.bob], 2],
      [["ada", ids.ada, { username: "ada" }], 1],
    ] as const) {
      const { body, status } = await ask("POST /consumer_groups/team/consumers", { body: { consumer } });
      expect([status, body.consumer_group.name, body.consumers.length]).toEqual([201, "team", count]);
    }
    const { body } = await ask("GET /consumer_groups/team/consumers");
    expect(namesOf(body.data)).toEqual(["ada", "bob"]);
    expect(body.consumers).toEqual(body.data);
  });

  it("join from their own side too, and are seen from both", async () => {
    const { ask, ids } = await createPeople();
    const joined = await ask("POST /consumers/ada/consumer_groups", { body: { group: "team" } });
    expect([joined.status, joined.body.consumer.username, namesOf(joined.body.consumer_groups)]).toEqual([
      201,
      "ada",
      ["team"],
    ]);
    expect(namesOf((await ask("GET /consumers/ada/consumer_groups")).body.data)).toEqual(["team"]);
    expect((await ask(`GET /consumer_groups/${ids.team}/consumers/ada`)).body.consumer.username).toBe("ada");
    expect((await ask(`GET /consumers/${ids.ada}/consumer_groups/team`)).body.consumer_group.name).toBe(
      "team",
    );
    expect((await ask("GET /consumer_groups/team")).body).toMatchObject({
      consumer_group: { name: "team" },
      consumers: [{ username: "ada" }],
      plugins: [],
    });
  });

  it("join once, however often they are named at a time", async () => {
    const { ask, ids, world } = await createPeople();
    const before = world.store.writes;
    const consumer = ["ada", ids.ada, "bob"];
    const { body, status } = await ask("POST /consumer_groups/crew/consumers", { body: { consumer } });
    expect([status, namesOf(body.consumers)]).toEqual([201, ["ada", "bob"]]);
    const [{ changes }] = (await ask("GET /audit")).body.data;
    expect([changes.length, world.store.writes - before]).toEqual([2, 1]);
  });

  it("join once: again writes nothing", async () => {
    const { ask, world } = await createPeople();
    const body = { consumer: "ada" };
    await ask("POST /consumer_groups/team/consumers", { body });
    const { writes } = world.store;
    expect((await ask("POST /consumer_groups/team/consumers", { body })).status).toBe(201);
    expect((await ask("POST /consumers/ada/consumer_groups", { body: { group: "team" } })).status).toBe(201);
    expect(world.store.writes).toBe(writes);
    expect(world.control.entities.memberships()).toHaveLength(1);
  });

  it("are not joined where their other side is gone by then", async () => {
    for (const [line, body, kind, id] of [
      ["POST /consumers/ada/consumer_groups", { group: "team" }, "consumer", "ada"],
      ["POST /consumer_groups/team/consumers", { consumer: "ada" }, "consumer_group", "team"],
    ] as const) {
      const { ask, ids, world } = await createPeople();
      world.store.beforeWrite = async () => world.store.writeElsewhere({ remove: [{ kind, id: ids[id] }] });
      expect((await ask(line, { body })).status, line).toBe(404);
      expect(world.control.entities.memberships(), line).toEqual([]);
    }
  });

  it("are all joined or none, and nobody who is not there", async () => {
    const { ask, world } = await createPeople();
    for (const consumer of [["ada", "nobody"], "nobody", 7, undefined, {}]) {
      const { body, status } = await ask("POST /consumer_groups/team/consumers", { body: { consumer } });
      expect([status, body.fields]).toEqual([
        400,
        { consumer: "there is no such consumer: give its name or id" },
      ]);
    }
    expect(world.control.entities.memberships()).toEqual([]);
  });

  it("leave by either side, and stay what they are", async () => {
    const { ask, world } = await createPeople();
    const join = () => ask("POST /consumer_groups/team/consumers", { body: { consumer: ["ada", "bob"] } });
    for (const line of [
      "DELETE /consumer_groups/team/consumers/ada",
      "DELETE /consumers/ada/consumer_groups/team",
    ]) {
      await join();
      expect([(await ask(line)).status, (await ask(line)).status]).toEqual([204, 204]);
      expect(namesOf((await ask("GET /consumer_groups/team/consumers")).body.data)).toEqual(["bob"]);
      expect((await ask("GET /consumer_groups/team/consumers/ada")).status).toBe(404);
    }
    expect(namesOf((await ask("GET /consumers")).body.data)).toEqual(["ada", "bob"]);
    expect(world.taken.at(-1)?.consumers.map(({ groups, username }) => [username, groups.length])).toEqual(
      expect.arrayContaining([
        ["ada", 0],
        ["bob", 1],
      ]),
    );
  });

  it("are gone with the group, and with the consumer", async () => {
    const { ask, world } = await createPeople();
    await ask("POST /consumer_groups/team/consumers", { body: { consumer: "ada" } });
    await ask("POST /consumer_groups/crew/consumers", { body: { consumer: "ada" } });
    await ask("DELETE /consumer_groups/team");
    expect(world.control.entities.memberships()).toHaveLength(1);
    await ask("DELETE /consumers/ada");
    expect(world.control.entities.memberships()).toEqual([]);
  });

  it("come in pages", async () => {
    const { ask } = await createPeople();
    await ask("POST /consumer_groups/team/consumers", { body: { consumer: ["ada", "bob"] } });
    const first = (await ask("GET /consumer_groups/team/consumers?size=1")).body;
    const second = (await ask(`GET ${first.next}`)).body;
    expect([...first.data, ...second.data].map(({ username }) => username).toSorted()).toEqual([
      "ada",
      "bob",
    ]);
    expect(second.next).toBeNull();
  });

  it("are not found in what is not there; other methods are refused", async () => {
    const { ask } = await createPeople();
    for (const line of ["GET /consumer_groups/nobody/consumers", "POST /consumers/nobody/consumer_groups"])
      expect((await ask(line, { body: {} })).status).toBe(404);
    expect((await ask("DELETE /consumer_groups/team/consumers")).headers["allow"]).toBe("GET, POST");
    expect((await ask("PUT /consumer_groups/team/consumers/ada")).headers["allow"]).toBe("GET, DELETE");
  });
});
