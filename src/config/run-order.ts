/** The order in which the plugins of a request run: the list's, as far as no plugin's `ordering` says otherwise. */
import type { PluginConfig } from "./config.ts";

/** What the order depends on. */
export type Ordered = Pick<PluginConfig, "name" | "order" | "ordering" | "definition">;

/**
 * Sorts instances of different plugins. What has to run before another moves to just before it; the rest stay as the
 * list has them. A plugin that answers requests runs after everything that the list has before it, since nothing behind
 * it would run. In a circle, which the loader refuses, the list decides.
 */
export function inRunOrder<Entry extends { readonly config: Ordered }>(
  entries: readonly Entry[],
): readonly Entry[] {
  const listed = [...entries].sort((a, b) => a.config.order - b.config.order);
  if (entries.every(({ config }) => config.ordering === undefined)) return listed;
  const sorted = new Set<Entry>();
  const visited = new Set<Entry>();
  function visit(entry: Entry): void {
    if (visited.has(entry)) return;
    visited.add(entry);
    for (const other of listed) if (isBefore(other.config, entry.config)) visit(other);
    sorted.add(entry);
  }
  for (const entry of listed) visit(entry);
  return [...sorted];
}

/** Has the first to run before the second, where both run for a request? */
export function isBefore(first: Ordered, second: Ordered): boolean {
  return isAsked(first, second) || isNeeded(first, second);
}

/** Does the `ordering` of one of the two say so? */
export function isAsked(first: Ordered, second: Ordered): boolean {
  return (
    first.ordering?.before.includes(second.name) === true ||
    second.ordering?.after.includes(first.name) === true
  );
}

/** Would the first never run behind the second, which answers requests? */
function isNeeded(first: Ordered, second: Ordered): boolean {
  return second.definition.answers === true && first.order < second.order;
}
