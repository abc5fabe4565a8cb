/** The config of `file-log`: Kong's fields. */
import { z } from "zod";
import type { Finding } from "../plugin.ts";

export const fileLogConfig = z.strictObject({
  path: z
    .string()
    .describe(
      "File that the entries are appended to, one JSON object a line. It is made where it is not there; its folder is not.",
    ),
  reopen: z
    .boolean()
    .default(false)
    .describe(
      "Open the file anew for every write. Without it, a file that was moved is followed within a second.",
    ),
  custom_fields_by_lua: z
    .record(z.string(), z.string())
    .describe("Code that adds, changes and takes out fields. Refused by this version, which runs no Lua.")
    .optional(),
});

/** The config after validation, defaults filled in. */
export type FileLogConfig = z.output<typeof fileLogConfig>;

/** What the schema alone cannot say. */
export function checkFileLog({ custom_fields_by_lua: fields = {}, path }: FileLogConfig): readonly Finding[] {
  const findings: Finding[] = [];
  if (path === "") findings.push({ severity: "error", path: ["path"], message: "must name a file" });
  if (Object.keys(fields).length > 0) {
    const message =
      "is not supported by this version, which runs no Lua: a field that the code takes out would be logged";
    findings.push({ severity: "error", path: ["custom_fields_by_lua"], message });
  }
  return findings;
}
