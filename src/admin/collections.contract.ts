/** What holds of every kind of entity over HTTP, whatever it is: derived from the kind, but for a sample body. */
import { describe, expect, it } from "vitest";
import { type AdminAnswer, type Ask, createAdmin } from "../../test/support/admin-api.ts";
import { type EntitySample, entitySamples } from "../../test/support/entity-samples.ts";
import { type ForeignKey, type Kind, kindOf, referringTo } from "../control/kinds.ts";

type Fields = Readonly<Record<string, unknown>>;

const unknownId = "ffffffff-ffff-4fff-8fff-ffffffffffff";

/** One group is answered with what is in it. */
function entityIn({ body }: AdminAnswer, kind: Kind): Fields {
  return kind.name === "consumer_group" && "consumer_group" in body ? body.consumer_group : body;
}

/** The sample of a kind; a kind without one is what this test is told of first. */
function sampleOf({ name }: Kind): EntitySample {
  const sample = entitySamples[name];
  if (sample === undefined) throw new Error(`give "${name}" a line in test/support/entity-samples.ts`);
  return sample;
}

async function made(
  ask: Ask,
  kind: Kind,
  number: number,
  more: Fields = {},
): Promise<Fields & { id: string }> {
  const { body, status } = await ask(`POST /${kind.collection}`, {
    body: { ...(await bodyOf(ask, kind, number)), ...more },
  });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

/** A body that is accepted: what the kind cannot be without is made before. */
async function bodyOf(ask: Ask, kind: Kind, number: number): Promise<Fields> {
  const owners: Record<string, unknown> = {};
  for (const { field, to } of kind.foreignKeys.filter(({ isRequired }) => isRequired)) {
    const [first] = (await ask(`GET /${kindOf(to).collection}`)).body.data;
    owners[field] = { id: (first ?? (await made(ask, kindOf(to), 1))).id };
  }
  // Of one plugin there can be one in a place.
  if (kind.name === "plugin" && number > 1)
    owners["route"] = { id: (await made(ask, kindOf("route"), number)).id };
  return { ...sampleOf(kind).body(number), ...owners };
}

/** Without what every change sets anew. */
function settled({ updated_at: _updated, ...fields }: Fields): Fields {
  return fields;
}

export function describeKind(kind: Kind): void {
  const { collection, nameField } = kind;

  describe(`entities at /${collection}`, () => {
    it("are made, read, listed, changed, replaced and deleted", async () => {
      const { ask, world } = createAdmin();
      const body = await bodyOf(ask, kind, 1);
      const before = (await ask(`GET /${collection}`)).body.data.length;
      const created = await ask(`POST /${collection}`, { body });
      expect(created.status, created.text).toBe(201);
      const { id } = created.body;
      expect(created.body).toMatchObject({
        created_at: 1_700_000_000,
        updated_at: 1_700_000_000,
        tags: null,
      });

      const byId = await ask(`GET /${collection}/${id}`);
      expect(byId.status).toBe(200);
      expect(entityIn(byId, kind)).toEqual(created.body);
      if (nameField !== undefined) {
        const byName = await ask(`GET /${collection}/${created.body[nameField]}`);
        expect(byName.body).toEqual(byId.body);
      }
      const list = await ask(`GET /${collection}`);
      expect(list.body.data).toContainEqual(created.body);
      expect(list.body).toMatchObject({ next: null });
      expect(list.body.data).toHaveLength(before + 1);

      const { patch } = sampleOf(kind);
      const patched = await ask(`PATCH /${collection}/${id}`, { body: patch });
      expect(patched.status, patched.text).toBe(200);
      expect(patched.body).toMatchObject({ ...settled(created.body), ...patch });

      const replaced = await ask(`PUT /${collection}/${id}`, { body });
      expect(replaced.status, replaced.text).toBe(200);
      expect(replaced.body).toEqual(created.body);

      for (const expected of [204, 204]) {
        const deleted = await ask(`DELETE /${collection}/${id}`);
        expect([deleted.status, deleted.text]).toEqual([expected, ""]);
      }
      for (const line of [`GET /${collection}/${id}`, `PATCH /${collection}/${id}`]) {
        const gone = await ask(line);
        expect(gone.status).toBe(404);
        expect(gone.body).toEqual({ message: "Not found" });
      }
      expect((await ask(`GET /${collection}`)).body.data).toHaveLength(before);
      expect(world.control.entities.get(kind, id)).toBeUndefined();
    });

    it("are made by PUT under an id of the client's own", async () => {
      const { ask } = createAdmin();
      const body = await bodyOf(ask, kind, 1);
      const made = await ask(`PUT /${collection}/${unknownId}`, { body });
      expect(made.status, made.text).toBe(200);
      expect(made.body.id).toBe(unknownId);
      const again = await ask(`PUT /${collection}/${unknownId}`, { body });
      expect(again.body).toEqual(made.body);
    });

    it("are made by PUT under a name, where they have one, and are found by it then", async () => {
      const { ask } = createAdmin();
      const { [nameField ?? ""]: name = "a-name", ...body } = await bodyOf(ask, kind, 1);
      const made = await ask(`PUT /${collection}/${name}`, { body });
      if (nameField === undefined) return expect(made.status).toBe(404);
      expect(made.status, made.text).toBe(200);
      expect(made.body[nameField]).toBe(name);
      const again = await ask(`PUT /${collection}/${name}`, { body });
      expect(again.body).toEqual(made.body);
    });

    it("are refused with a field they do not have, which is named, as is the nearest there is", async () => {
      const { ask, world } = createAdmin();
      const body = { ...(await bodyOf(ask, kind, 1)), tagz: ["a"] };
      const before = world.control.entities;
      const { body: refusal, status } = await ask(`POST /${collection}`, { body });
      expect(status).toBe(400);
      expect(refusal).toMatchObject({ code: 2, name: "schema violation" });
      expect(refusal.fields.tagz).toMatch(/unknown field.*tags/);
      expect(world.control.entities).toBe(before);
    });

    it.each(["constructor", "toString", "__proto__"])("are refused with a field called %s", async (field) => {
      const { ask } = createAdmin();
      const text = JSON.stringify(await bodyOf(ask, kind, 1)).replace("{", `{"${field}":{"a":1},`);
      for (const line of [`POST /${collection}`, `PUT /${collection}/${unknownId}`]) {
        const { body, status } = await ask(line, { body: text });
        expect(status).toBe(400);
        expect(body.message).toContain(field);
      }
      const { id } = await made(ask, kind, 1);
      expect((await ask(`PATCH /${collection}/${id}`, { body: `{"${field}":{"a":1}}` })).status).toBe(400);
    });

    it("are refused without what they cannot be without", async () => {
      const { ask } = createAdmin();
      const { body, status } = await ask(`POST /${collection}`, { body: {} });
      const needsNothing = status === 201;
      if (needsNothing) return expect(kind.fields.required ?? []).toEqual([]);
      expect(status).toBe(400);
      expect(body).toMatchObject({ code: 2, name: "schema violation" });
      expect(Object.keys(body.fields)).not.toEqual([]);
    });

    it("are refused under an id that one of them has", async () => {
      const { ask } = createAdmin();
      const { id } = await made(ask, kind, 1);
      const { body, status } = await ask(`POST /${collection}`, {
        body: { ...(await bodyOf(ask, kind, 2)), id },
      });
      expect(status).toBe(409);
      expect(body).toMatchObject({ code: 3, name: "primary key violation", fields: { id } });
    });

    it("are refused under an id that is none", async () => {
      const { ask } = createAdmin();
      const { body, status } = await ask(`POST /${collection}`, {
        body: { ...(await bodyOf(ask, kind, 1)), id: "one" },
      });
      expect([status, body.code, body.fields]).toEqual([400, 2, { id: "expected a valid UUID" }]);
    });

    it.each(kind.uniqueFields)("are refused with a %s that one of them has", async (field) => {
      const { ask } = createAdmin();
      const value = "taken-by-the-first";
      await made(ask, kind, 1, { [field]: value });
      const { body, status } = await ask(`POST /${collection}`, {
        body: { ...(await bodyOf(ask, kind, 2)), [field]: value },
      });
      expect(status).toBe(409);
      expect(body).toMatchObject({ code: 5, name: "unique constraint violation" });
      expect(Object.keys(body.fields)).toEqual([field]);
    });

    describeReferences(kind);

    it("come in pages, each once", async () => {
      const { ask } = createAdmin();
      const ids: string[] = [];
      for (let number = 1; number <= 25; number++) ids.push((await made(ask, kind, number)).id);
      const seen: string[] = [];
      const sizes: number[] = [];
      let next: string | null = `/${collection}?size=10`;
      while (next !== null) {
        const { body }: AdminAnswer = await ask(`GET ${next}`);
        sizes.push(body.data.length);
        seen.push(...body.data.map(({ id }: { id: string }) => id));
        if (body.next !== null)
          expect(new URLSearchParams(body.next.split("?")[1]).get("offset")).toBe(body.offset);
        next = body.next;
      }
      expect(sizes).toEqual([10, 10, 5]);
      expect(seen.toSorted()).toEqual(ids.toSorted());
    });

    it("are found by their tags", async () => {
      const { ask } = createAdmin();
      const { id: first } = await made(ask, kind, 1, { tags: ["a", "b"] });
      const { id: second } = await made(ask, kind, 2, { tags: ["b"] });
      const idsFor = async (tags: string) =>
        (await ask(`GET /${collection}?tags=${tags}`)).body.data.map(({ id }: { id: string }) => id);
      expect(await idsFor("a")).toEqual([first]);
      expect((await idsFor("a/b")).toSorted()).toEqual([first, second].toSorted());
      expect(await idsFor("a,b")).toEqual([first]);
      expect(await idsFor("c")).toEqual([]);
      const { data } = (await ask("GET /tags/b")).body;
      expect(data.filter((row: Fields) => row["entity_name"] === kind.plural)).toHaveLength(2);
    });

    it("answer other methods with those there are", async () => {
      const { ask } = createAdmin();
      const { id } = await made(ask, kind, 1);
      const list = await ask(`DELETE /${collection}`);
      expect([list.status, list.headers["allow"]]).toEqual([405, "GET, POST"]);
      const item = await ask(`POST /${collection}/${id}`, { body: {} });
      expect([item.status, item.headers["allow"]]).toEqual([405, "GET, PUT, PATCH, DELETE"]);
    });
  });
}

function describeReferences(kind: Kind): void {
  const { collection, foreignKeys } = kind;

  it.each(foreignKeys)("are refused with a $field that there is not", async ({ field, to }) => {
    const { ask } = createAdmin();
    const { body, status } = await ask(`POST /${collection}`, {
      body: { ...(await bodyOf(ask, kind, 1)), [field]: { id: unknownId } },
    });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      code: 4,
      name: "foreign key violation",
      message: `the foreign key '{id="${unknownId}"}' does not reference an existing '${kindOf(to).plural}' entity.`,
      fields: { [field]: { id: unknownId } },
    });
  });

  it.each(foreignKeys)("are made, found and deleted below their $field", (key) => nested(kind, key));

  it.each(foreignKeys)("stand in the way of deleting their $field, or go with it", async (key) => {
    const { ask } = createAdmin();
    const around = kindOf(key.to);
    const { id: owner } = await made(ask, around, 30);
    const { id } = await made(ask, kind, 1, { [key.field]: { id: owner } });
    const deleted = await ask(`DELETE /${around.collection}/${owner}`);
    const { status } = await ask(`GET /${collection}/${id}`);
    if (key.onDelete === "cascade") return expect([deleted.status, status]).toEqual([204, 404]);
    expect([deleted.status, deleted.body.code, status]).toEqual([400, 4, 200]);
    expect(deleted.body.message).toBe(
      `an existing '${kind.plural}' entity references this '${around.plural}' entity`,
    );
  });
}

async function nested(kind: Kind, { field, to }: ForeignKey): Promise<void> {
  const { ask } = createAdmin();
  const around = kindOf(to);
  expect(referringTo(to).some((each) => each.kind === kind)).toBe(true);
  const owner = await made(ask, around, 30);
  const other = await made(ask, around, 31);
  const list = `/${around.collection}/${owner.id}/${kind.nestedCollection}`;
  const { [field]: _place, ...body } = await bodyOf(ask, kind, 1);

  const created = await ask(`POST ${list}`, { body });
  expect(created.status, created.text).toBe(201);
  const { id } = created.body;
  expect(created.body[field]).toEqual({ id: owner.id });
  expect((await ask(`GET ${list}`)).body.data).toEqual([created.body]);
  expect(entityIn(await ask(`GET ${list}/${id}`), kind)).toEqual(created.body);
  const up = await ask(`GET /${kind.collection}/${id}/${field}`);
  expect(entityIn(up, around)).toEqual(
    (await ask(`GET /${around.collection}`)).body.data.find(isOf(owner.id)),
  );

  const elsewhere = `/${around.collection}/${other.id}/${kind.nestedCollection}`;
  expect((await ask(`GET ${elsewhere}`)).body.data).toEqual([]);
  for (const method of ["GET", "PATCH", "PUT"])
    expect((await ask(`${method} ${elsewhere}/${id}`, { body })).status, method).toBe(404);
  expect((await ask(`DELETE ${elsewhere}/${id}`)).status).toBe(204);
  expect((await ask(`GET ${list}/${id}`)).status).toBe(200);

  const { patch } = sampleOf(kind);
  const patched = await ask(`PATCH ${list}/${id}`, { body: patch });
  expect([patched.status, patched.body[field]], patched.text).toEqual([200, { id: owner.id }]);
  expect((await ask(`PUT ${list}/${id}`, { body })).body).toEqual(created.body);
  expect((await ask(`DELETE ${list}/${id}`)).status).toBe(204);
  expect((await ask(`GET ${list}/${id}`)).status).toBe(404);
  expect((await ask(`GET /${around.collection}/${unknownId}/${kind.nestedCollection}`)).status).toBe(404);
}

function isOf(id: string): (record: { readonly id: string }) => boolean {
  return (record) => record.id === id;
}
