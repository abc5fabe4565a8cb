import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { systemSchedule } from "../util/schedule.ts";
import { describeConfigStore, service, versionOf, writing } from "./config-store.contract.ts";
import { createConfigStore } from "./index.ts";
import { createMemory, openMemory } from "./memory.ts";
import { readConfigStoreSetting } from "./options.ts";

describeConfigStore("memory", async () => {
  const memory = createMemory();
  return {
    open: () => openMemory(memory),
    fill: async (versions) => {
      const entry = { timeMs: 0, actor: "actor", source: "source", changes: [] };
      memory.changes = Array.from({ length: versions }, (_, index) =>
        JSON.stringify({ ...entry, version: index + 1 }),
      );
      memory.version = versions;
    },
    say: async (announcements) => {
      const one = { sender: "sender", timeMs: 0, body: "body" };
      memory.announcements = Array.from({ length: announcements }, (_, index) => ({
        ...one,
        number: index + 1,
      }));
    },
  };
});

describe("the configuration in memory", () => {
  it("is nobody else's", async () => {
    const options = readConfigStoreSetting({ text: "memory", source: "--database" }, undefined);
    const services = { prefix: "/nowhere", schedule: systemSchedule, newToken: randomUUID };
    const { signal } = new AbortController();
    await createConfigStore(options, services).write(writing(0, { put: [service("1")] }), signal);
    expect(await versionOf(createConfigStore(options, services))).toBe(0);
  });
});
