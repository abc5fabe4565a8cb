/** Names and values as URLs and forms write them: `a=1&b=2`. */

/** The text without the pairs of these names; every other byte of it stays as it is. */
export function withoutPairs(text: string, names: ReadonlySet<string>): string {
  if (text === "") return text;
  return text
    .split("&")
    .filter((pair) => !names.has(nameOf(pair)))
    .join("&");
}

/** Read as `URLSearchParams` reads it, so that what was found is what is taken out. */
function nameOf(pair: string): string {
  const [name = ""] = new URLSearchParams(pair).keys();
  return name;
}
