/** Finds plugins that cannot run in the order that `ordering` asks for. */
import { nearestName } from "../util/nearest-name.ts";
import type { Instance } from "./collect.ts";
import type { PluginConfig, PluginOrdering } from "./config.ts";
import type { Directory } from "./names.ts";
import { formatPath, type Path } from "./problem.ts";
import { publishedPlugins } from "./published-plugins.ts";
import { nodeAt, type Report } from "./report.ts";
import { isAsked, isBefore, type Ordered } from "./run-order.ts";
import { quote } from "./value.ts";

/** A plugin of the file that runs for some request. */
export interface OrderedPlugin extends Ordered {
  readonly instance: Instance;
  readonly scope: PluginConfig["scope"];
}

export interface OrderingChecks {
  readonly plugins: readonly OrderedPlugin[];
  readonly directory: Directory;
  /** Names of the plugins of this build. */
  readonly names: readonly string[];
  readonly report: Report;
}

/** Reports names that no plugin has, circles, and plugins that would run too early or never. */
export function checkOrdering(given: OrderingChecks): void {
  if (given.plugins.every(({ ordering }) => ordering === undefined)) return;
  const checks = { ...given, plugins: given.plugins.map((each) => withService(each, given.directory)) };
  for (const plugin of checks.plugins) checkNames(plugin, checks);
  reportCircles(checks.plugins, checks.report);
  for (const plugin of checks.plugins) checkCaller(plugin, checks);
}

/** A plugin on a route runs for requests to the route's service alone. */
function withService(plugin: OrderedPlugin, directory: Directory): OrderedPlugin {
  const route = directory.target(plugin.instance, "route");
  const service = route && directory.target(route, "service");
  return service === undefined || plugin.scope.service !== undefined
    ? plugin
    : { ...plugin, scope: { ...plugin.scope, service: directory.id(service) } };
}

function checkNames(
  { instance, name: own, ordering }: OrderedPlugin,
  { names, report }: OrderingChecks,
): void {
  for (const side of ["before", "after"] as const) {
    for (const [index, name] of (ordering?.[side] ?? []).entries()) {
      const at = ["ordering", side, "access", index];
      const path = [...instance.path, ...at];
      if (name === own) report.add("error", path, "names the plugin itself: remove it");
      else if (!names.includes(name))
        reportForeign(name, quote(nodeAt(instance.node, at)), path, { names, report });
    }
  }
}

function reportForeign(
  name: string,
  quoted: string,
  path: Path,
  { names, report }: Pick<OrderingChecks, "names" | "report">,
): void {
  if (publishedPlugins.includes(name)) {
    report.add("notice", path, `plugin${quoted} is not there in this version: accepted, without effect`);
    return;
  }
  const near = nearestName(name, names) ?? nearestName(name, publishedPlugins);
  const hint = near === undefined ? ` (there are ${names.join(", ")})` : `: did you mean \`${near}\`?`;
  report.add("error", path, `there is no plugin${quoted}${hint}`);
}

function reportCircles(plugins: readonly OrderedPlugin[], report: Report): void {
  const told = new Set<string>();
  for (const first of plugins) {
    for (const second of plugins) {
      if (!isAsked(first, second) || !canMeet(first, second)) continue;
      const way = findWay(
        second,
        (plugin) => plugin === first,
        plugins.filter((each) => canMeet(each, first)),
      );
      if (way === undefined) continue;
      const key = way
        .map(({ instance }) => formatPath(instance.path))
        .sort()
        .join(" ");
      if (told.has(key)) continue;
      told.add(key);
      report.add("error", askedAt(first, second), circle(way));
    }
  }
}

function circle(way: readonly OrderedPlugin[]): string {
  for (const [at, plugin] of way.entries()) {
    const next = way[at + 1];
    if (next === undefined || isAsked(plugin, next)) continue;
    return `${next.name} answers requests itself, so that ${plugin.name} would never run behind it: remove this`;
  }
  const names = [way.at(-1), ...way].map((plugin) => plugin?.name);
  return `makes a circle: ${names.join(" before ")}`;
}

/** Where the file asks for it. */
function askedAt(first: OrderedPlugin, second: OrderedPlugin): Path {
  const place = (plugin: OrderedPlugin, side: keyof PluginOrdering, name: string): Path => [
    ...plugin.instance.path,
    "ordering",
    side,
    "access",
    plugin.ordering?.[side].indexOf(name) ?? 0,
  ];
  if (first.ordering?.before.includes(second.name) === true) return place(first, "before", second.name);
  return place(second, "after", first.name);
}

/** Who calls is known only once the plugins have run that find it out. */
function checkCaller(plugin: OrderedPlugin, { directory, plugins, report }: OrderingChecks): void {
  const { consumer, consumerGroup } = plugin.scope;
  if (consumer === undefined && consumerGroup === undefined) return;
  const rivals = plugins.filter((other) => other.name === plugin.name && canMeet(other, plugin));
  const isKnown = ({ definition }: OrderedPlugin) => definition.authenticates === true;
  const way = rivals.map((rival) => findWay(rival, isKnown, plugins)).find((found) => found !== undefined);
  if (way === undefined) return;
  const field = consumer === undefined ? "consumer_group" : "consumer";
  const isNested = directory.target(plugin.instance, field) === plugin.instance.parent;
  const path = isNested ? plugin.instance.path : [...plugin.instance.path, field];
  const [early, next] = way;
  const asked = early === undefined || next === undefined ? "" : ` (${formatPath(askedAt(early, next))})`;
  const whom = field.replaceAll("_", " ");
  report.add(
    "error",
    path,
    `${plugin.name} is put before ${way.at(-1)?.name}${asked}, where it is not known yet who calls, so it cannot be for one ${whom}`,
  );
}

/** The shortest chain of plugins, each to run before the next, from `start` to one that is sought, which is another. */
function findWay(
  start: OrderedPlugin,
  isSought: (plugin: OrderedPlugin) => boolean,
  plugins: readonly OrderedPlugin[],
): readonly OrderedPlugin[] | undefined {
  const ways: (readonly OrderedPlugin[])[] = [[start]];
  const seen = new Set([start]);
  for (const way of ways) {
    const last = way.at(-1) ?? start;
    for (const next of plugins) {
      if (seen.has(next) || !isBefore(last, next) || !canMeet(last, next) || !canMeet(start, next)) continue;
      if (isSought(next)) return [...way, next];
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return undefined;
}

/** Can one request have both? Not when they are for different routes, services or callers. */
function canMeet({ scope: one }: OrderedPlugin, { scope: other }: OrderedPlugin): boolean {
  return (["service", "route", "consumer"] as const).every(
    (field) => one[field] === undefined || other[field] === undefined || one[field] === other[field],
  );
}
