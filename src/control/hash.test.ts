import { describe, expect, it } from "vitest";
import { stored } from "../../test/support/control.ts";
import { EntitySet } from "./entity-set.ts";
import { hashOf, hashOfText } from "./hash.ts";

const service = stored("service", 1, { host: "a", tags: ["x", "y"] });
const consumer = stored("consumer", 2, { username: "ada" });

describe("the hash of what is configured", () => {
  it("is zeros while nothing is", () => {
    expect(hashOf(EntitySet.empty)).toBe("0".repeat(32));
    expect(hashOf(EntitySet.of([service]).with([], [service]))).toBe("0".repeat(32));
  });

  it("is 32 hex digits, whatever order entities and their fields came in", () => {
    const hash = hashOf(EntitySet.of([service, consumer]));
    expect(hash).toMatch(/^[\da-f]{32}$/);
    const reversed = Object.fromEntries(Object.entries(service.record).toReversed());
    expect(hashOf(EntitySet.of([consumer, { ...service, record: reversed }]))).toBe(hash);
  });

  it("is another for another value, order in a list, id or kind", () => {
    const other = [
      stored("service", 1, { host: "b", tags: ["x", "y"] }),
      stored("service", 1, { host: "a", tags: ["y", "x"] }),
      stored("service", 3, { host: "a", tags: ["x", "y"] }),
      { ...service, kind: "route" },
    ];
    const hashes = [service, ...other].map((each) => hashOf(EntitySet.of([each])));
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it("of a file is that of its text", () => {
    expect(hashOfText("a")).toMatch(/^[\da-f]{32}$/);
    expect(hashOfText("a")).not.toBe(hashOfText("a\n"));
  });
});
