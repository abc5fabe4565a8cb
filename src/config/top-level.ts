/** What a file may hold beside its entities. */
import { nearestName } from "../util/nearest-name.ts";
import { entityLists } from "./collect.ts";
import type { Report } from "./report.ts";
import type { ConfigNode, MapNode } from "./tree.ts";
import { isNull, textOf } from "./value.ts";

/** The one version of the format that is read. */
export const formatVersion = "3.0";

/** Lists of Kong's that have no entity of their own here. */
export const plainLists: readonly string[] = [
  "acls",
  "basicauth_credentials",
  "custom_entities",
  "degraphql_routes",
  "event_hooks",
  "filter_chains",
  "graphql_ratelimiting_cost_decorations",
  "hmacauth_credentials",
  "jwt_secrets",
  "key_sets",
  "keys",
  "licenses",
  "mtls_auth_credentials",
  "oauth2_credentials",
  "rbac_endpoint_permissions",
  "rbac_roles",
];

/** decK's remarks to itself, and what we do with each: nothing, or less than decK does. */
export const remarks: Readonly<Record<string, string>> = {
  _format_version: 'Version of the format: `"3.0"`.',
  _info: "Remarks of the tool that wrote the file, e.g. `select_tags`; without effect here.",
  _comment: "A note.",
  _transform: "Set by the tool that wrote the file; without effect here.",
  _plugin_configs: "Shared plugin settings, which a plugin takes up with `_config`.",
  _workspace: "Workspace the file belongs to: `default`, which is the only one.",
  _konnect: "Control plane the file belongs to; without effect here.",
  _ignore: "Fields decK leaves alone; without effect here.",
};

/** Of remarks that could ask for something: the value that asks for what is done anyway. */
const withoutEffect: Readonly<Record<string, unknown>> = { _transform: true, _workspace: "default" };

/** Checks the version and the names of the lists. */
export function checkTopLevel(root: MapNode, report: Report): void {
  checkVersion(root, report);
  for (const [name, node] of root.entries) checkList(name, node, root, report);
  checkRemarks(root, report);
}

function checkList(name: string, node: ConfigNode, root: MapNode, report: Report): void {
  const entity = entityLists.get(name);
  const isPlain = plainLists.includes(name);
  if (entity === undefined && !isPlain && remarks[name] === undefined) reportUnknown(name, root, report);
  if (isNull(node) || (!isPlain && entity?.isPlanned !== true)) return;
  if (isPlain && node.kind !== "list") report.add("error", [name], "expected a list");
  const isEmpty = node.kind === "list" && node.items.length === 0;
  if (!isEmpty) report.addAtName("notice", [name], "accepted, not acted on yet");
}

function reportUnknown(name: string, root: MapNode, report: Report): void {
  if (root.hidden.has(name)) {
    report.add("error", [], "unknown field, its name taken from the environment");
    return;
  }
  const near = nearestName(name, [...entityLists.keys(), ...Object.keys(remarks)]);
  const known = [...entityLists.keys()].join(", ");
  const hint = near === undefined ? ` (known: ${known})` : `: did you mean \`${near}\`?`;
  report.addAtName("error", [name], `unknown field \`${name}\`${hint}`);
}

function checkVersion(root: MapNode, report: Report): void {
  const node = root.entries.get("_format_version");
  const path = ["_format_version"];
  if (node === undefined || isNull(node)) {
    report.add(
      "error",
      path,
      `is required but missing: begin the file with _format_version: "${formatVersion}"`,
    );
    return;
  }
  if (node.kind === "scalar" && (node.provenance === "missing" || String(node.value) === formatVersion))
    return;
  if (node.kind === "scalar" && node.value === Number(formatVersion)) {
    report.add("error", path, `expected a text, found a number: put it in quotes, "${formatVersion}"`);
    return;
  }
  const found =
    textOf(node) === "1.1" || textOf(node) === "2.1"
      ? `, found ${textOf(node)}: \`sluice convert FILE -o OUT\` writes it in this one`
      : "";
  report.add(
    "error",
    path,
    `must be "${formatVersion}", the only version of the format that is read${found}`,
  );
}

function checkRemarks(root: MapNode, report: Report): void {
  const info = root.entries.get("_info");
  if (info?.kind === "map" && info.entries.has("defaults")) {
    const message =
      "defaults are accepted, not acted on yet: write the values at each entity, or apply them with decK";
    report.addAtName("warning", ["_info", "defaults"], message);
  }
  for (const name of Object.keys(withoutEffect)) {
    const node = root.entries.get(name);
    if (node === undefined || isNull(node)) continue;
    if (node.kind === "scalar" && node.value === withoutEffect[name]) continue;
    report.addAtName("notice", [name], "accepted, not acted on yet");
  }
}
