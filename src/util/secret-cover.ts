/** What is shown in place of a secret: stars, and a tag that is the secret's own. */

const whole = /^\*{6} \(sluice:[\da-f]{16}\)$/;

/** YAML may have broken the line in between: at the space, or with a backslash in a long tag. */
const within = /\*{6}[\s\\]+\(sluice:[\da-f\s\\]{16,}\)/;

/** `tag`: 16 hexadecimal digits. */
export function coverOf(tag: string): string {
  return `****** (sluice:${tag})`;
}

export function isCover(text: string): boolean {
  return whole.test(text);
}

/** Where in the text of a file the first cover begins; -1: there is none. */
export function findCover(text: string): number {
  return text.search(within);
}
