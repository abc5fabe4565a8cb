/** Settings that somebody has given and that nothing will read: told at the start, since nobody looks for them later. */
import { nearestName } from "../util/nearest-name.ts";
import { settingTable } from "./settings.ts";

interface Given {
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Entities are those of a file, or of nothing. */
  readonly hasDatabase: boolean;
}

/** A sentence for each: misspelt variables, and a database beside what takes its place. No value is in them. */
export function idleSettings({ flags, env, hasDatabase }: Given): readonly string[] {
  const known = settingTable.map((setting) => setting.env);
  const misspelt = Object.keys(env)
    .filter((name) => name.startsWith("SLUICE_") && !known.some((each) => each === name))
    .flatMap((name) => {
      const meant = nearestName(name.slice("SLUICE_".length), known.map(withoutPrefix));
      return meant === undefined ? [] : [`${name} is no setting: did you mean SLUICE_${meant}?`];
    });
  const database = typeof flags["database"] === "string" ? "--database" : "SLUICE_DATABASE";
  const isGiven = database === "--database" || (env["SLUICE_DATABASE"] ?? "") !== "";
  if (hasDatabase || !isGiven) return misspelt;
  return [...misspelt, `${database} has no effect beside -c and --db-less: a database is used without them`];
}

function withoutPrefix(name: string): string {
  return name.slice("SLUICE_".length);
}
