/** All items that share the lowest score, in their order; empty for nothing. Each item is scored once. */
export function lowest<Item>(items: readonly Item[], score: (item: Item) => number): readonly Item[] {
  let best = Number.POSITIVE_INFINITY;
  let found: Item[] = [];
  for (const item of items) {
    const own = score(item);
    if (own > best) continue;
    if (own < best) found = [];
    best = own;
    found.push(item);
  }
  return found;
}
