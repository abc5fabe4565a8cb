/** Settings that somebody has given and that nothing will read: told at the start, since nobody looks for them later. */
import { nearestName } from "../util/nearest-name.ts";
import { type ProcessSettings, type SettingFlag, settingTable } from "./settings.ts";

interface Given {
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly settings: Pick<ProcessSettings, "dashboardListen" | "proxyListenSsl" | "sslCert">;
  /** Entities are those of a file, or of nothing. */
  readonly hasDatabase: boolean;
}

/** A sentence for each: misspelt variables, and settings that mean nothing beside the others. No value is in them. */
export function idleSettings(given: Given): readonly string[] {
  return [...misspelt(Object.keys(given.env)), ...withoutEffect(given)];
}

/** What Kubernetes sets in every container for a service whose name begins with sluice. */
const ofService = /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_\w+)?)$/;

function misspelt(names: readonly string[]): readonly string[] {
  const known = settingTable.map(({ env }) => withoutPrefix(env));
  return names
    .filter((name) => name.startsWith("SLUICE_") && !ofService.test(name))
    .filter((name) => !known.some((each) => each === withoutPrefix(name)))
    .flatMap((name) => {
      const meant = nearestName(withoutPrefix(name), known);
      return meant === undefined ? [] : [`${name} is no setting: did you mean SLUICE_${meant}?`];
    });
}

function withoutPrefix(name: string): string {
  return name.slice("SLUICE_".length);
}

function withoutEffect(given: Given): readonly string[] {
  const { dashboardListen, proxyListenSsl, sslCert } = given.settings;
  const database = given.hasDatabase ? undefined : sourceOf("database", given);
  const certificate = proxyListenSsl === undefined && sslCert !== undefined && sourceOf("ssl-cert", given);
  const dashboard = dashboardListen !== undefined && sourceOf("dashboard-listen", given);
  return [
    ...(database
      ? [`${database} has no effect beside -c and --db-less: a database is used without them`]
      : []),
    ...(certificate ? [`${certificate} has no effect: nothing speaks TLS without --proxy-listen-ssl`] : []),
    ...(dashboard ? [`${dashboard} has no effect: this version has no dashboard`] : []),
  ];
}

/** What it was given by; undefined where it was not. */
function sourceOf(flag: SettingFlag, { env, flags }: Given): string | undefined {
  if (typeof flags[flag] === "string") return `--${flag}`;
  const variable = settingTable.find((setting) => setting.flag === flag)?.env;
  return variable !== undefined && (env[variable] ?? "") !== "" ? variable : undefined;
}
