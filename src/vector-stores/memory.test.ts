import { describe, expect, it } from "vitest";
import { systemSchedule } from "../util/schedule.ts";
import { findVectorStore, vectorStores } from "./index.ts";
import { memory } from "./memory.ts";
import { describeVectorStore } from "./vector-store.contract.ts";

const config = { strategy: "memory" } as const;

describeVectorStore("memory", () => memory.create());

describe("the list of vector stores", () => {
  it("finds each store by its name and nothing by another", () => {
    for (const store of vectorStores) expect(findVectorStore(store.name)).toBe(store);
    expect(findVectorStore("redis-cluster")).toBeUndefined();
    expect(findVectorStore("memory")?.create(config, { schedule: systemSchedule })).toBeDefined();
  });
});

describe("memory", () => {
  it("is gone with the process", () => {
    expect(memory.isRemote).toBe(false);
  });
});
