/** Long lists of names in one line that somebody is to read. */

const most = 10;

/** The first ten with commas between, and how many there are besides. */
export function firstFew(names: readonly string[]): string {
  const shown = names.slice(0, most).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
