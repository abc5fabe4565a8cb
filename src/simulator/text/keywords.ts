/** What a prompt is about, as far as counting letters can tell. */

const fillers = new Set(
  (
    "about after again also another anything because been before being below between both could does doing done each " +
    "explain every from getting give given have having help here into just keeps know like make many more most much need " +
    "only other over please should show some such suggest tell than that their them then there these they thing this " +
    "those through today under using very want were what when where which while will with without would write your you"
  ).split(" "),
);

/**
 * The words of a prompt worth repeating, in order and without repeats: longer than three letters and not mere glue.
 * At most 12; never empty ("your question" stands in).
 */
export function keywords(prompt: string): string[] {
  const found = new Map<string, string>();
  for (const word of words(prompt)) {
    const key = word.toLowerCase();
    if (word.length > 3 && !fillers.has(key) && !found.has(key)) found.set(key, word);
    if (found.size === 12) break;
  }
  return found.size === 0 ? ["your question"] : [...found.values()];
}

/** Values a tool argument could mean: names first ("San Francisco", "Berlin"), then the other keywords. */
export function argumentWords(prompt: string): string[] {
  const names = prompt.match(/(?<=[\p{L}\p{N},;:"'] )\p{Lu}[\p{L}\p{N}]+(?: \p{Lu}[\p{L}\p{N}]+)*/gu) ?? [];
  return [...new Set([...names.slice(0, 12), ...keywords(prompt)])];
}

/** Only the start is looked at: a prompt can be megabytes, its topic shows early. */
function words(prompt: string): readonly string[] {
  return prompt.slice(0, 20_000).match(/[\p{L}\p{N}][\p{L}\p{N}'’_-]*/gu) ?? [];
}
