/** Numbers of tokens as people write them. */

const written = /^(\d{1,9})(k?)$/i;

/** `200000` or `200k`, white space around it ignored; undefined for all else. */
export function parseTokenLimit(text: string): number | undefined {
  const match = written.exec(text.trim());
  return match === null ? undefined : Number(match[1]) * (match[2] === "" ? 1 : 1000);
}
