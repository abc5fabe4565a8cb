import { describe, expect, it } from "vitest";
import { createTargets } from "../../test/support/balancing.ts";
import { groupTargets } from "./groups.ts";

const names = (targets: readonly { readonly name: string }[] | undefined) => targets?.map(({ name }) => name);

describe("groupTargets", () => {
  it("puts targets with one description together, in the order of the file", () => {
    const { described, catchall } = groupTargets(
      createTargets([
        { name: "a", description: "python" },
        { name: "b", description: "it" },
        { name: "c", description: " python\n" },
        { name: "d", description: "CATCHALL" },
        { name: "e", description: "CATCHALL" },
      ]),
    );
    expect(described.map(({ description, targets }) => [description, names(targets)])).toEqual([
      ["python", ["a", "c"]],
      ["it", ["b"]],
    ]);
    expect(names(catchall?.targets)).toEqual(["d", "e"]);
  });

  it("takes CATCHALL only as that very word", () => {
    const { described, catchall } = groupTargets(
      createTargets([{ description: "catchall" }, { description: "CATCHALL requests" }]),
    );
    expect(described).toHaveLength(2);
    expect(catchall).toBeUndefined();
  });

  it("leaves targets without a description out", () => {
    const { described, catchall } = groupTargets(
      createTargets([{}, { description: "" }, { description: "  " }]),
    );
    expect(described).toEqual([]);
    expect(catchall).toBeUndefined();
  });

  it("collects the examples of all members, each once", () => {
    const { described } = groupTargets(
      createTargets([
        { description: "python", examples: ["x", "y"] },
        { description: "python", examples: ["y", "z"] },
      ]),
    );
    expect(described[0]?.examples).toEqual(["x", "y", "z"]);
  });
});
