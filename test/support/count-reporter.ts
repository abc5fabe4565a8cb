/** Closes a test run with one plain line of counts, which is the same whatever reads it. */
import type { Reporter, TestModule } from "vitest/node";

export function countReporter(): Reporter {
  return {
    onTestRunEnd(modules: readonly TestModule[]) {
      const counts = { passed: 0, failed: 0, skipped: 0 };
      for (const module of modules) {
        const before = counts.failed;
        for (const test of module.children.allTests()) {
          const { state } = test.result();
          if (state === "passed" || state === "failed" || state === "skipped") counts[state]++;
        }
        // A file that could not be loaded, or whose set-up failed, is a failure though no test of it ran.
        if (module.state() === "failed" && counts.failed === before) counts.failed++;
      }
      process.on("exit", () => {
        process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
      });
    },
  };
}
