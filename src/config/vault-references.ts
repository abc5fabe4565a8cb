/** `{vault://env/key}`: a text of the file that stands for a secret kept elsewhere. */
import type { Path } from "./problem.ts";
import type { Report } from "./report.ts";
import type { ConfigNode, MapNode, ScalarNode } from "./tree.ts";
import { textOf } from "./value.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A vault that references can lead to. */
interface EnvironmentVault {
  /** Put before the name of every variable. */
  readonly prefix: string;
}

const whole = /^\{vault:\/\/([^/{}?]+)\/([^{}?]+)(?:\?([^{}]*))?\}$/;

/**
 * Puts the referenced values into the tree. `env` is always there; an entity of `vaults` with the name `env` can be
 * called by its prefix and may put a prefix of its own before the variables' names, as Kong's environment vault does:
 * prefix and key, upper-cased, hyphens as underscores.
 */
export function resolveReferences(root: MapNode, env: Environment, report: Report): void {
  const vaults = readVaults(root);
  visit(root, [], (node, path) => {
    const text = textOf(node);
    // Merge keys share nodes, which come by more than once; what a vault held is not looked up again.
    if (text === undefined || node.provenance === "reference" || node.provenance === "missing") return;
    if (!text.includes("{vault://")) return;
    const { fault, value } = resolve(text, vaults, env);
    if (fault !== undefined) report.addReference(path, fault);
    node.written = text;
    node.value = value ?? text;
    node.text = value ?? text;
    node.provenance = value === undefined ? "missing" : "reference";
  });
}

interface Resolution {
  readonly value?: string;
  /** Names the reference's parts, which are no secret, but no value. */
  readonly fault?: string;
}

function resolve(text: string, vaults: ReadonlyMap<string, EnvironmentVault>, env: Environment): Resolution {
  const match = whole.exec(text);
  if (match === null) {
    return {
      fault:
        "a vault reference must be the whole text, like {vault://env/my-key} or {vault://env/my-key/field}",
    };
  }
  const [, vaultName = "", rest = "", query = ""] = match;
  const vault = vaults.get(vaultName);
  if (vault === undefined) {
    return {
      fault: `vault "${vaultName}" is not supported by this version (supported: ${[...vaults.keys()].join(", ")})`,
    };
  }
  const [key = "", field, ...more] = rest.split("/");
  if (key === "" || field === "" || more.length > 0) {
    return {
      fault: `vault reference to "${rest}" cannot be read: give a key, and after a slash perhaps one field`,
    };
  }
  const prefix = new URLSearchParams(query).get("prefix") ?? vault.prefix;
  return readVariable(`${prefix}${key}`.toUpperCase().replaceAll("-", "_"), field, env);
}

function readVariable(variable: string, field: string | undefined, env: Environment): Resolution {
  const value = env[variable];
  if (value === undefined)
    return { fault: `environment variable ${variable}, which this vault reference stands for, is not set` };
  if (field === undefined) return { value };
  const content = parseObject(value);
  if (content === undefined)
    return {
      fault: `environment variable ${variable} does not hold a JSON object, so it has no field ${field}`,
    };
  const inner = Object.hasOwn(content, field) ? content[field] : undefined;
  if (inner === undefined || inner === null)
    return { fault: `the JSON in environment variable ${variable} has no field ${field}` };
  return { value: typeof inner === "string" ? inner : JSON.stringify(inner) };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined; // just seen to be an object
  } catch {
    // The parser's message quotes the text, which may be a secret; that it is no JSON is all there is to say.
    return undefined;
  }
}

/** `env` itself, and the entities that name it. Entities that do not fit are reported when they are validated. */
function readVaults(root: MapNode): ReadonlyMap<string, EnvironmentVault> {
  const vaults = new Map<string, EnvironmentVault>([["env", { prefix: "" }]]);
  const list = root.entries.get("vaults");
  for (const item of list?.kind === "list" ? list.items : []) {
    if (item.kind !== "map" || textOf(item.entries.get("name")) !== "env") continue;
    const config = item.entries.get("config");
    const prefix = config?.kind === "map" ? textOf(config.entries.get("prefix")) : undefined;
    const name = textOf(item.entries.get("prefix"));
    if (name !== undefined) vaults.set(name, { prefix: prefix ?? "" });
  }
  return vaults;
}

/** Every scalar but those of `vaults` and of the file's own remarks. Aliased nodes are separate copies by now. */
function visit(node: ConfigNode, path: Path, act: (node: ScalarNode, path: Path) => void): void {
  if (node.kind === "scalar") act(node, path);
  else if (node.kind === "list")
    for (const [index, item] of node.items.entries()) visit(item, [...path, index], act);
  else {
    for (const [name, value] of node.entries) {
      if (path.length === 0 && (name === "vaults" || (name.startsWith("_") && name !== "_plugin_configs")))
        continue;
      visit(value, [...path, name], act);
    }
  }
}
