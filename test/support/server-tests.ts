/** Tests that need a real server or tool run where it can be had, are skipped by name elsewhere, and fail in CI. */
import { describe, it } from "vitest";
import { installed, type ServerName, type ToolName } from "../servers/installed.mjs";

export type Environment = Readonly<Record<string, string | undefined>>;

const variables: Readonly<Partial<Record<ServerName | ToolName, string>>> = {
  redis: "SLUICE_TEST_REDIS_URL",
  "redis-stack": "SLUICE_TEST_REDIS_STACK_URL",
  valkey: "SLUICE_TEST_VALKEY_URL",
  postgres: "SLUICE_TEST_POSTGRES_URL",
};

/** The address of a server that someone else runs, from the environment. */
export function externalUrl(name: ServerName | ToolName, env: Environment = process.env): string | undefined {
  return env[variables[name] ?? ""] || undefined;
}

export interface ServerTestOptions {
  /** The tests kill, freeze or configure it, or start it with options: a server from the environment will not do. */
  readonly owned?: boolean;
}

/**
 * `describe` for tests that need servers. Decided when the file is read: they run where all the servers are to be had,
 * else they are skipped, the title saying what is missing and how to get it; in CI (`CI` set) a missing server is a
 * failing test.
 */
export function describeWithServer(
  names: ServerName | ToolName | readonly ServerName[],
  title: string,
  body: () => void,
  options: ServerTestOptions = {},
): void {
  const plan = planServerTests([names].flat() as (ServerName | ToolName)[], options);
  if (plan.kind === "run") describe(title, body);
  else if (plan.kind === "skip") describe.skip(`${title} (${plan.reason})`, body);
  else
    describe(title, () => {
      it("has the servers it needs", () => {
        throw new Error(plan.reason);
      });
    });
}

export type ServerTestPlan =
  | { readonly kind: "run" }
  | { readonly kind: "skip" | "fail"; readonly reason: string };

/** What `describeWithServer` does, and why. */
export function planServerTests(
  names: readonly (ServerName | ToolName)[],
  { owned = false }: ServerTestOptions = {},
  env: Environment = process.env,
): ServerTestPlan {
  const reasons = names.flatMap((name) => {
    const found = installed(name, env);
    if (!("unavailable" in found) || (!owned && externalUrl(name, env))) return [];
    const remedy = `try test/servers/install.sh${owned ? "" : ` or set ${variables[name]}`}`;
    return [`needs ${name}, which is not here: ${found.unavailable}; ${remedy}`];
  });
  if (reasons.length === 0) return { kind: "run" };
  const isCi = !["", "0", "false"].includes(env["CI"] ?? "");
  return { kind: isCi ? "fail" : "skip", reason: reasons.join("; ") };
}
