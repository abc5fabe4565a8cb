import { defineConfig } from "vitest/config";
import { countReporter } from "./test/support/count-reporter.ts";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "benchmarks/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    globalSetup: ["test/servers/global-setup.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: ["default", countReporter()],
  },
});
