import { describe, expect, it } from "vitest";
import { describeEmbedder } from "./embedder.contract.ts";
import { embedders, findEmbedder } from "./index.ts";
import { local } from "./local.ts";

const create = () => local.create();

describeEmbedder("local", create);

describe("local", () => {
  it("embeds without a promise and says nothing of tokens, for they cost nothing", async () => {
    const embedder = create();
    expect(embedder.embedNow?.("How do I write a Python function?")).toHaveLength(embedder.dimensions ?? -1);
    expect(await embedder.embed(["a"], new AbortController().signal)).not.toHaveProperty("inputTokens");
  });

  it("lets other work run between the texts of a large batch, and stops there when told to", async () => {
    const embedder = create();
    const caller = new AbortController();
    setImmediate(() => caller.abort());
    const batch = Array.from({ length: 1000 }, (_, i) => `text number ${i}`);
    await expect(embedder.embed(batch, caller.signal)).rejects.toMatchObject({ kind: "aborted" });
  });

  it("puts two embedders of the same model into one space", () => {
    expect(create().space).toBe(create().space);
  });
});

describe("the list of embedders", () => {
  it("finds each embedder by its name and nothing by another", () => {
    for (const embedder of embedders) expect(findEmbedder(embedder.name)).toBe(embedder);
    expect(findEmbedder("nobody")).toBeUndefined();
  });
});
