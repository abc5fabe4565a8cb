import { describe, expect, it } from "vitest";
import { vectordbOptions } from "../../src/vector-stores/options.ts";
import { connectionTo } from "./sides.ts";

describe("connectionTo", () => {
  it("takes a server's address, account and database from its URL", () => {
    expect(connectionTo("postgres://postgres:p%40ss@db.internal:6543/kong-pgvector")).toEqual({
      pgvector: {
        host: "db.internal",
        port: 6543,
        user: "postgres",
        password: "p@ss",
        database: "kong-pgvector",
      },
    });
    expect(connectionTo("rediss://app:s%3Ac@cache.internal:7000/2")).toEqual({
      redis: { host: "cache.internal", port: 7000, username: "app", password: "s:c", database: 2, ssl: true },
    });
  });

  it("leaves to the defaults what the URL does not say, and gives what the schema takes", () => {
    expect(connectionTo("redis://127.0.0.1")).toEqual({ redis: { host: "127.0.0.1", port: 6379 } });
    expect(connectionTo("postgres://127.0.0.1")).toEqual({ pgvector: { host: "127.0.0.1", port: 5432 } });
    for (const [strategy, url] of [
      ["redis", "redis://:secret@127.0.0.1:6380"],
      ["pgvector", "postgres://postgres@127.0.0.1:5433/kong-pgvector"],
    ] as const) {
      const block = { strategy, dimensions: 3, distance_metric: "cosine", ...connectionTo(url) };
      expect(vectordbOptions.safeParse(block).error).toBeUndefined();
    }
  });
});
