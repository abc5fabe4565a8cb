/** Texts that a database keeps. */

/** With U+FFFD for NUL and halves of surrogate pairs, since PostgreSQL keeps neither. Within JSON they are escaped. */
export function keepable(text: string): string {
  return text.replace(/[\0\p{Surrogate}]/gu, "\ufffd");
}
