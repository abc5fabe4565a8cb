import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { countReporter } from "./test/support/count-reporter.ts";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "benchmarks/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    globalSetup: ["test/servers/global-setup.ts"],
    // They leave nothing behind in modules, so that each is imported once by a worker and not for every file, which takes
    // 2 s in an end-to-end test. One project, since a worker serves only one.
    isolate: false,
    // Many tests wait in real time, for processes and outages: one file at a time would leave a small machine idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Of tests that are marked as concurrent, since they wait.
    maxConcurrency: 20,
    // Wide, since a busy machine may take ten times as long; a test that fails does not wait for them, one that hangs does.
    testTimeout: 40_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    reporters: ["default", countReporter()],
  },
});
