import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { generatedFiles, staleFiles, writeFiles } from "../src/generate.ts";
import { plugins } from "../src/plugins/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const files = generatedFiles(plugins);

describe("generated files", () => {
  it("are what the definitions say (else: npm run generate)", () => {
    expect(staleFiles(root, files)).toEqual([]);
  });

  it("are written, found stale when changed or left over, and mended", () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-generated-"));
    try {
      expect(staleFiles(folder, files)).toHaveLength(files.size);
      writeFiles(folder, files);
      expect(staleFiles(folder, files)).toEqual([]);
      writeFileSync(join(folder, "docs/reference/errors.md"), "edited by hand");
      writeFileSync(join(folder, "docs/reference/plugins/gone.md"), "of a plugin that is gone");
      expect(staleFiles(folder, files)).toEqual([
        "docs/reference/errors.md",
        "docs/reference/plugins/gone.md",
      ]);
      writeFiles(folder, files);
      expect(staleFiles(folder, files)).toEqual([]);
      expect(readFileSync(join(folder, "docs/reference/errors.md"), "utf8")).toContain("`no_route`");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("have a page for every plugin, with our additions and what is not acted on marked", () => {
    for (const { name } of plugins)
      expect(files.get(`docs/reference/plugins/${name}.md`)).toContain(`# ${name}\n`);
    const page = files.get("docs/reference/plugins/ai-proxy-advanced.md") ?? "";
    expect(page).toMatch(
      /^\| `balancer.semantic.timeout` \| integer \| `2000` \| 1 to 60000 \| \*\*Sluice.\*\* /m,
    );
    expect(page).toMatch(
      /^\| `targets\[\].model.options.embeddings_dimensions` \| integer \| {2}\| {2}\| \*Not acted on yet.\* /m,
    );
    expect(page).toMatch(/^\| `targets\[\].route_type` \| choice \| \*required\* \| /m);
  });
});
