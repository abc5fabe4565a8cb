/** The id of an answer or a chunk in OpenAI's form, read without parsing it. */

/** Vendors and decoders write it first; where it stands elsewhere, it stays unknown. */
export function idAtStart(json: string): string | undefined {
  return /^\s*\{\s*"id":\s*"([^"\\]{1,200})"/.exec(json)?.[1];
}
