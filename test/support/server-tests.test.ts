import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { planServerTests } from "./server-tests.ts";

describe("a test that needs a server", () => {
  const nothing = { SLUICE_SERVERS_DIR: "/nonexistent" };

  it("is skipped where the server is missing, and says what it needs and how to get it", () => {
    expect(planServerTests(["redis-stack"], {}, nothing)).toEqual({
      kind: "skip",
      reason:
        "needs redis-stack, which is not here: it was not installed; try test/servers/install.sh or set SLUICE_TEST_REDIS_STACK_URL",
    });
  });

  it("fails in CI", () => {
    expect(planServerTests(["redis"], {}, { ...nothing, CI: "true" }).kind).toBe("fail");
    expect(planServerTests(["redis"], {}, { ...nothing, CI: "false" }).kind).toBe("skip");
  });

  it("runs with a server of the environment, unless it needs one of its own, or another is missing", () => {
    const env = { ...nothing, SLUICE_TEST_POSTGRES_URL: "postgres://elsewhere/db" };
    expect(planServerTests(["postgres"], {}, env)).toEqual({ kind: "run" });
    expect(planServerTests(["postgres"], { owned: true }, env).kind).toBe("skip");
    expect(planServerTests(["postgres", "valkey"], {}, env)).toMatchObject({
      reason: expect.stringMatching(/^needs valkey/),
    });
  });

  it("is told why a server could not be installed", () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-manifest-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const manifest = { stamp: "x", servers: { redis: { unavailable: "no mirror" } } };
    writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
    const plan = planServerTests(["redis"], {}, { SLUICE_SERVERS_DIR: folder });
    expect(plan).toMatchObject({ reason: expect.stringContaining("no mirror") });
  });
});
