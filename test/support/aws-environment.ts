/** The process's environment as AWS' own libraries read it: bare, and as it was again afterwards. */
import { afterEach, beforeEach } from "vitest";

/**
 * Before each test nothing of AWS is set, no file is read and no metadata service is asked; `set` adds variables, and
 * gives the environment as a process would hand it in.
 */
export function useAwsEnvironment() {
  let before: NodeJS.ProcessEnv = {};
  const set = (variables: Readonly<Record<string, string>>): Readonly<Record<string, string | undefined>> => {
    Object.assign(process.env, variables);
    return { ...process.env };
  };
  beforeEach(() => {
    before = { ...process.env };
    for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
    set({
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_SHARED_CREDENTIALS_FILE: "/nowhere/credentials",
      AWS_CONFIG_FILE: "/nowhere/config",
    });
  });
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
    Object.assign(process.env, before);
  });
  return { set };
}
