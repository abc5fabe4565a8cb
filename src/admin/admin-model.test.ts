/** The admin API against a naive model: whatever is asked in whatever order, both say and have the same. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { createAdmin } from "../../test/support/admin-api.ts";
import {
  AdminModel,
  type ModelKind,
  type ModelRecord,
  type ModelRequest,
  modelKinds,
} from "../../test/support/admin-model.ts";
import { idNumbered } from "../../test/support/control.ts";
import { loadDocument } from "../config/load.ts";
import { documentOf } from "../control/document.ts";
import { kindOf } from "../control/kinds.ts";
import { plugins } from "../plugins/index.ts";

const kindNames = Object.keys(modelKinds) as ModelKind[];

/** Few of everything, so that requests meet. */
const ids = [1, 2, 3].map(idNumbered);
const names = ["x", "y", "z"];
const id = fc.constantFrom(...ids);
const key = fc.oneof({ weight: 3, arbitrary: id }, fc.constantFrom(...names));
const name = fc.constantFrom(...names, null);
const reference = fc.option(id.map((value) => ({ id: value })));

const valuesOf: Readonly<Record<string, fc.Arbitrary<ModelRecord[string]>>> = {
  id,
  name,
  username: name,
  host: fc.constantFrom("a.example", "b.example", null),
  port: fc.constantFrom(80, 81, null),
  instance_name: fc.constantFrom("one", "two", null),
  key: fc.constantFrom("k-1", "k-2", "k-3"),
  service: reference,
  route: reference,
  consumer: reference,
  nmae: fc.constant("x"),
};

const pluginName = fc.constantFrom("http-log", "file-log");

function fieldsOf(kind: ModelKind, method: ModelRequest["method"]): fc.Arbitrary<ModelRecord> {
  const known = Object.keys(modelKinds[kind].fields).map(
    (field) => [field, kind === "plugin" && field === "name" ? pluginName : valuesOf[field]] as const,
  );
  const own = fc.record(Object.fromEntries(known) as Record<string, fc.Arbitrary<ModelRecord[string]>>, {
    // A change says little, what is new says all; either may be too little.
    requiredKeys: method === "PATCH" ? [] : [...modelKinds[kind].required],
  });
  const oddities = fc.record({ id, nmae: fc.constant("x") }, { requiredKeys: [] });
  return fc.tuple(own, oddities, fc.integer({ min: 0, max: 9 })).map(([fields, odd, luck]) => ({
    ...fields,
    ...(luck === 0 && odd.nmae !== undefined && { nmae: odd.nmae }),
    ...(method === "POST" && odd.id !== undefined && { id: odd.id }),
  }));
}

const request: fc.Arbitrary<ModelRequest> = fc
  .record({
    method: fc.constantFrom("POST", "PUT", "PUT", "PATCH", "DELETE") as fc.Arbitrary<ModelRequest["method"]>,
    kind: fc.constantFrom(...kindNames),
    key,
  })
  .chain(({ key: at, kind, method }) =>
    fieldsOf(kind, method).map((fields) => ({ method, kind, key: at, fields })),
  );

const membership = fc.record({ join: fc.boolean(), group: key, consumer: key });

/** What the model has no word for, and every entity of the kind needs. */
const alwaysGiven: Readonly<Partial<Record<ModelKind, (fields: ModelRecord) => object>>> = {
  route: () => ({ paths: ["/"] }),
  plugin: (fields) => ({
    config: fields["name"] === "file-log" ? { path: "/tmp/log" } : { http_endpoint: "http://127.0.0.1:9/" },
  }),
};

/** Something to refer to, so that not every plugin and key is refused. */
const prologue: readonly ModelRequest[] = ids.slice(0, 2).flatMap((at, index) => [
  { method: "PUT", kind: "service", key: at, fields: { host: "a.example" } },
  { method: "PUT", kind: "route", key: at, fields: { service: { id: at } } },
  { method: "PUT", kind: "consumer", key: at, fields: { username: `first-${index}` } },
  { method: "PUT", kind: "consumer_group", key: at, fields: { name: `group-${index}` } },
]);

type Step = ModelRequest | { readonly join: boolean; readonly group: string; readonly consumer: string };

async function both({ ask }: ReturnType<typeof createAdmin>, model: AdminModel, step: Step): Promise<void> {
  if ("join" in step) {
    const path = `/consumer_groups/${step.group}/consumers`;
    const { status } = step.join
      ? await ask(`POST ${path}`, { body: { consumer: step.consumer } })
      : await ask(`DELETE ${path}/${step.consumer}`);
    const isGranted = step.join
      ? model.join(step.group, step.consumer)
      : model.leave(step.group, step.consumer);
    return expect(status < 300).toBe(isGranted);
  }
  const { fields, kind, method } = step;
  const path = `/${modelKinds[kind].collection}${method === "POST" ? "" : `/${step.key}`}`;
  // A plugin's config is that of its name; a change of one alone is another test's affair.
  const { name: _name, ...unnamed } = fields;
  const asked = kind === "plugin" && method === "PATCH" ? { ...step, fields: unnamed } : step;
  const extra = method === "PATCH" || method === "DELETE" ? {} : alwaysGiven[kind]?.(fields);
  const { body, status } = await ask(`${method} ${path}`, {
    body: { ...asked.fields, ...extra },
    headers: { "sluice-secrets": "plain" },
  });
  expect(status, JSON.stringify(body)).toBeLessThan(500);
  expect(status < 300, JSON.stringify(body)).toBe(model.ask(asked, body?.id ?? ""));
}

async function agree({ ask, world }: ReturnType<typeof createAdmin>, model: AdminModel): Promise<void> {
  const { entities } = world.control;
  for (const kind of kindNames) {
    const fields = ["id", ...Object.keys(modelKinds[kind].fields)];
    const { data } = (
      await ask(`GET /${modelKinds[kind].collection}`, { headers: { "sluice-secrets": "plain" } })
    ).body;
    const shown = data.map((record: ModelRecord) =>
      Object.fromEntries(fields.map((field) => [field, record[field]])),
    );
    expect(shown).toEqual(model.list(kind));
  }
  expect(
    entities
      .memberships()
      .map(({ consumer, group }) => `${group} ${consumer}`)
      .toSorted(),
  ).toEqual(model.members);
  const { config } = loadDocument(documentOf(entities).content, { file: "entities", env: {}, plugins });
  expect(config).toBeDefined();
  if (world.taken.length > 0) expect(world.taken.at(-1)).toEqual(config);
  expect(entities.list(kindOf("service")).length).toBe(model.list("service").length);
}

it("says and has what the model does, and what runs is what is configured", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ weight: 6, arbitrary: request }, membership), {
        minLength: 5,
        maxLength: 30,
        size: "max",
      }),
      async (steps) => {
        const admin = createAdmin();
        const model = new AdminModel();
        for (const step of [...prologue, ...steps]) {
          await both(admin, model, step);
          await agree(admin, model);
        }
      },
    ),
    { numRuns: 40 },
  );
}, 120_000);
