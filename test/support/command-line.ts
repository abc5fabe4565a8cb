/** Command lines in the test's own process: what they say and how they end, without the second that a process takes to start. */
import { runCommand } from "../../src/cli.ts";

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command that ends by itself; only what is given is in its environment. What is up to the process, such as its
 * exit code, its signals and readers that go, is `runCommandLine`'s to show.
 */
export async function runHere(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Said> {
  let stdout = "";
  let stderr = "";
  const out = (text: string) => {
    stdout += text;
  };
  const code = await runCommand(args, {
    out,
    lines: {
      write: (text, done) => {
        out(text);
        done();
      },
    },
    err: (text) => {
      stderr += text;
    },
    env,
    isTerminal: false,
  });
  return { code, stdout, stderr };
}
