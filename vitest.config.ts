import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { countReporter } from "./test/support/count-reporter.ts";

// Wide, since a busy machine may take ten times as long; a test that fails does not wait for them, one that hangs does.
const limits = { testTimeout: 40_000, hookTimeout: 60_000, expect: { poll: { timeout: 10_000 } } };

export default defineConfig({
  test: {
    globalSetup: ["test/servers/global-setup.ts"],
    // Many tests wait in real time, for processes and outages: one file at a time would leave a small machine idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: ["default", countReporter()],
    projects: [
      {
        // These leave nothing behind in modules, so that each is imported once and not for every file: 160 s instead of 260.
        test: { name: "unit", include: ["src/**/*.test.ts"], isolate: false, ...limits },
      },
      {
        test: {
          name: "whole",
          include: ["test/**/*.test.ts", "benchmarks/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**"],
          ...limits,
        },
      },
    ],
  },
});
