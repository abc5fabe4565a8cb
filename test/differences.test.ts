/** The page of differences says of everything that is ours that it is. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const docs = new URL("../docs/", import.meta.url);
const page = readFileSync(new URL("guide/differences.md", docs), "utf8");
const additions = page.slice(page.indexOf("Ours, and additive"));

/** The fields that a reference page marks, without those inside a block that is marked itself. */
function markedFields(reference: string): readonly string[] {
  const marked = [...reference.matchAll(/^\| `([^`]+)` \|.*\*\*Sluice\.\*\*/gm)].map(([, path = ""]) => path);
  return marked.filter((path) => !marked.some((other) => path.startsWith(`${other}.`)));
}

const pages = ["plugins", "entities"].flatMap((family) =>
  readdirSync(new URL(`reference/${family}/`, docs)).map((name) => `reference/${family}/${name}`),
);

describe("the differences from Kong", () => {
  it("list every field that the reference marks as ours", () => {
    const fields = pages.flatMap((name) => markedFields(readFileSync(new URL(name, docs), "utf8")));
    expect(fields).toContain("savings");
    expect(fields.filter((path) => !additions.includes(`\`${path}\``))).toEqual([]);
  });
});
