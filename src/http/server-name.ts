/** Finds what is kept for the name that a client asks for when TLS begins. */

/**
 * `kept` by names in lower case, of which the first or the last label may be `*`; `*` alone stands for all. In Kong's order:
 * the name itself, `*` for its first label, `*` for its last, `*`. A `*` stands for one label.
 */
export function findByServerName<Kept>(
  kept: ReadonlyMap<string, Kept>,
  serverName: string,
): Kept | undefined {
  const name = serverName.toLowerCase();
  const exact = kept.get(name);
  if (exact !== undefined) return exact;
  const first = name.indexOf(".");
  if (first === -1) return kept.get("*");
  const withoutFirst = name.slice(first);
  const withoutLast = name.slice(0, name.lastIndexOf("."));
  return kept.get(`*${withoutFirst}`) ?? kept.get(`${withoutLast}.*`) ?? kept.get("*");
}
