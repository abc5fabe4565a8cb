import { describe, expect, it } from "vitest";
import { createVectors } from "../stores/vectors.ts";
import { paths, prepareAnswers, vectorLength } from "./answers.ts";
import { comparedVendors, createVendor } from "./sides.ts";

const answers = prepareAnswers();
const [expected = new Float32Array()] = createVectors(1, vectorLength, 1);

describe("prepareAnswers", () => {
  it.each(comparedVendors)(
    "has what the embedder of $name reads as the vector it was made of",
    async (vendor) => {
      const asked: string[] = [];
      const embedder = createVendor(vendor, "http://127.0.0.1:9", async ({ url }) => {
        asked.push(url);
        return { status: 200, headers: {}, body: answers.get(new URL(url).pathname) ?? "" };
      });
      const { vectors } = await embedder.embed(
        ["How do I write a Python function?"],
        new AbortController().signal,
      );
      expect(asked).toEqual([`http://127.0.0.1:9${paths[vendor.answer]}`]);
      expect(vectors).toHaveLength(1);
      const differences = [...(vectors[0] ?? [])].map((number, at) => Math.abs(number - (expected[at] ?? 9)));
      expect(differences).toHaveLength(vectorLength);
      // The engine brings what was of unit length to unit length once more.
      expect(Math.max(...differences)).toBeLessThan(1e-7);
    },
  );

  it("has an answer for every path, none of them twice", () => {
    expect([...answers.keys()]).toEqual(Object.values(paths));
    expect(answers.size).toBe(Object.keys(paths).length);
  });

  it("writes base64 less than half as long as JSON, as it is with vendors", () => {
    const length = (path: string) => answers.get(path)?.length ?? 0;
    expect(length(paths.openaiBase64)).toBeGreaterThan(5_000);
    expect(length(paths.openaiJson)).toBeGreaterThan(2 * length(paths.openaiBase64));
    expect(length(paths.openaiJson)).toBeLessThan(15_000);
  });
});
