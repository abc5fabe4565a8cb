import { describe, expect, it } from "vitest";
import { systemSchedule } from "../util/schedule.ts";
import { redis } from "./redis.ts";
import { vectorRedisOptions } from "./redis-options.ts";

describe("a redis store that cannot work", () => {
  it("is refused before it connects, with the setting's name", () => {
    const cloud = { cloud_authentication: { auth_provider: "aws", aws_region: "eu-west-1" } };
    const create = () =>
      redis.create(
        { strategy: "redis", redis: vectorRedisOptions.parse(cloud) },
        { schedule: systemSchedule },
      );
    expect(create).toThrow(/^vectordb\.redis\.cloud_authentication is not supported yet/);
  });

  it("takes no engine that there is not", () => {
    expect(vectorRedisOptions.parse({})).toMatchObject({ engine: "auto" });
    expect(vectorRedisOptions.safeParse({ engine: "hnsw" }).success).toBe(false);
  });

  it("connects to nobody before it is asked", async () => {
    const store = redis.create({ strategy: "redis" }, { schedule: systemSchedule });
    expect(store.place).toBe("redis at 127.0.0.1:6379");
    await store.close();
  });
});
