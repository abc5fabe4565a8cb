import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createRecord } from "../../../test/support/access-records.ts";
import { createExchange } from "../../../test/support/exchange.ts";
import { createPluginServices } from "../../../test/support/fake-plugins.ts";
import { systemSchedule } from "../../util/schedule.ts";
import type { PluginServices } from "../plugin.ts";
import { fileLogConfig } from "./config.ts";
import { fileLog } from "./plugin.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-file-log-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function create(path: string, services: Partial<PluginServices> = {}) {
  const all = { ...createPluginServices(), schedule: systemSchedule, ...services };
  const config = fileLogConfig.parse({ path });
  return { plugin: fileLog.create(config, all, { id: "p", instanceName: undefined }), log: all.log };
}

describe("file-log", () => {
  it("appends a record a line, and says how its file is doing", async () => {
    const path = join(folder, "a.log");
    const { plugin } = create(path);
    await plugin.start?.(new AbortController().signal);
    const record = createRecord();
    plugin.log?.(createExchange(), record);
    plugin.log?.(createExchange(), record);
    await plugin.close?.();
    const lines = readFileSync(path, "utf8").split("\n");
    expect(lines.map((line) => line && JSON.parse(line))).toEqual([record, record, ""]);
    expect(plugin.health?.()).toEqual([
      {
        component: "log_file",
        name: path,
        state: "up",
        reason: undefined,
        failures: 0,
        writes: 2,
        dropped: 0,
      },
    ]);
    expect(plugin.describe?.()).toEqual([`entries are appended to ${path}`]);
  });

  it("counts what it cannot write, and never throws", async () => {
    const path = join(folder, "nowhere", "a.log");
    const { plugin } = create(path);
    await plugin.start?.(new AbortController().signal);
    for (let at = 0; at < 5; at++) plugin.log?.(createExchange(), createRecord());
    await plugin.close?.();
    expect(plugin.health?.()).toMatchObject([{ state: "down", failures: 1, writes: 0, dropped: 5 }]);
  });

  it("makes no file where somebody only looks", async () => {
    const path = join(folder, "looked.log");
    const { plugin } = create(path, { purpose: "look" });
    await plugin.start?.(new AbortController().signal);
    await plugin.close?.();
    expect(() => readFileSync(path)).toThrow(/ENOENT/);
  });

  it("is tried without a trace", async () => {
    const { signal } = new AbortController();
    const probe = async (path: string) => (await create(path).plugin.probe?.(signal))?.[0];
    const path = join(folder, "tried.log");
    expect(await probe(path)).toEqual({ component: "log file", name: path, facts: {}, error: undefined });
    expect(() => readFileSync(path)).toThrow(/ENOENT/);
    expect((await probe(join(folder, "none", "a.log")))?.error).toMatch(/^ENOENT: .*none'$/);
    expect((await probe("/dev/null"))?.error).toBeUndefined();
  });

  it("refuses what would log more than the file says, and a path that is none", () => {
    const check = (config: object) => fileLog.check?.(fileLogConfig.parse(config)) ?? [];
    expect(check({ path: "x", custom_fields_by_lua: {} })).toEqual([]);
    expect(check({ path: "", custom_fields_by_lua: { route: "return nil" } })).toMatchObject([
      { severity: "error", path: ["path"] },
      { severity: "error", path: ["custom_fields_by_lua"] },
    ]);
  });
});
