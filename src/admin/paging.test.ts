import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stored } from "../../test/support/control.ts";
import { refusalOf } from "../../test/support/refusals.ts";
import { pageOf, sizeOf } from "./paging.ts";

const record = (number: number, tags?: readonly string[]) =>
  stored("service", number, { host: "a", ...(tags !== undefined && { tags }) }).record;
const page = (records: Parameters<typeof pageOf>[0], query: string) =>
  pageOf(records, new URLSearchParams(query), "/services");

describe("the size of a page", () => {
  it("is 100 unless it is said, and 1000 at most", () => {
    expect([sizeOf(null), sizeOf("1"), sizeOf("1000")]).toEqual([100, 1, 1000]);
    for (const text of ["0", "-1", "1001", "1.5", "ten", "", "1e9"])
      expect(refusalOf(() => sizeOf(text))).toMatchObject({
        kind: "invalid_size",
        message: "size must be an integer between 1 and 1000",
        fields: { size: text },
      });
  });
});

describe("pages", () => {
  it("have each entity once, whatever the size", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        (numbers, size) => {
          const records = numbers.map((number) => record(number));
          const seen: string[] = [];
          let query = `size=${size}`;
          for (let turns = 0; turns <= records.length; turns++) {
            const { data, next, offset } = page(records, query);
            seen.push(...data.map(({ id }) => id));
            if (next === null) {
              expect(offset).toBeUndefined();
              break;
            }
            expect(data).toHaveLength(size);
            query = next.split("?")[1] ?? "";
          }
          expect(seen).toEqual(records.map(({ id }) => id).toSorted());
        },
      ),
    );
  });

  it("lose and repeat nothing when something is deleted meanwhile", () => {
    const records = [1, 2, 3, 4, 5].map((number) => record(number));
    const { next } = page(records, "size=2");
    const { data } = page(records.slice(2), next?.split("?")[1] ?? "");
    expect(data).toEqual(records.slice(2, 4));
  });

  it("keep the size and the tags in the way to the next one", () => {
    const records = [1, 2].map((number) => record(number, ["a"]));
    const { next, offset } = page(records, "size=1&tags=a");
    expect(next).toBe(`/services?size=1&tags=a&offset=${offset}`);
  });

  it("are refused behind what is no page's end", () => {
    for (const offset of ["x", "AAAA", "1"])
      expect(refusalOf(() => page([], `offset=${offset}`))).toMatchObject({
        kind: "invalid_offset",
        fields: { offset },
      });
    expect(page([record(1)], "offset=").data).toHaveLength(1);
  });
});

describe("tags", () => {
  const records = [record(1, ["a"]), record(2, ["a", "b"]), record(3, ["c"]), record(4)];
  const numbers = (tags: string) => page(records, `tags=${tags}`).data.map(({ id }) => Number(id.slice(-1)));

  it("are all wanted between commas, one of them between slashes", () => {
    expect(numbers("a")).toEqual([1, 2]);
    expect(numbers("a,b")).toEqual([2]);
    expect(numbers("b/c")).toEqual([2, 3]);
    expect(numbers("a,c")).toEqual([]);
    expect(numbers("")).toEqual([1, 2, 3, 4]);
  });

  it("are refused with both, as Kong does", () => {
    expect(refusalOf(() => numbers("a,b/c")).kind).toBe("schema_violation");
  });
});
