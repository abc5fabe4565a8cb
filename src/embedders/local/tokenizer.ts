// Splits a text into the words the local model's table knows; the twin of models/tokenizer.py.

const TOKEN = /[\p{L}\p{N}]+(?:['’]\p{L}+)*|[=(){}[\];<>+*/\\#$%&|^~@`_:]/gu;
const CAMEL = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+/g;
const NON_ASCII = /[\u0080-\uffff]/;
const MIN_GRAM = 3;
const MAX_GRAM = 5;
const MAX_WORD = 32;

/** A text longer than this (UTF-16 units) is represented by `SAMPLE_WINDOWS` windows spread evenly over all of it. */
export const MAX_CHARACTERS = 8_000;
const SAMPLE_WINDOWS = 64;

/** What the table can look up. A word in capitals that is also a common word is kept as `^IT`. */
export interface Vocabulary {
  has(word: string): boolean;
}

/** Strips accents, so that `contraseña` and `contrasena` are one word; ß becomes ss. */
export function fold(text: string): string {
  if (!NON_ASCII.test(text)) return text;
  return text.replaceAll("ß", "ss").replaceAll("’", "'").normalize("NFD").replace(/\p{M}/gu, "");
}

/**
 * Bounds the work on a huge text: beginning, middle and end count alike, nothing is cut off at one end.
 * Short texts are returned as they are.
 */
export function sampleText(text: string): string {
  if (text.length <= MAX_CHARACTERS) return text;
  const size = Math.floor(MAX_CHARACTERS / SAMPLE_WINDOWS);
  const stride = (text.length - size) / (SAMPLE_WINDOWS - 1);
  const windows: string[] = [];
  for (let window = 0; window < SAMPLE_WINDOWS; window++) {
    const start = Math.floor(window * stride);
    windows.push(text.slice(start, start + size));
  }
  return windows.join(" ");
}

/** The words of a text, in order, as the table spells them; a word the table lacks comes out in lower case. */
export function words(text: string, vocabulary: Vocabulary): string[] {
  const folded = fold(text);
  const found: string[] = [];
  const isShouted = folded.toUpperCase() === folded;
  for (const raw of folded.match(TOKEN) ?? []) {
    if (!isShouted && isAcronym(raw) && vocabulary.has(`^${raw}`)) found.push(`^${raw}`);
    else pushWord(raw, vocabulary, found);
  }
  return found;
}

/** The buckets of the character 3- to 5-grams of `<word>` (FNV-1a, as fastText does); at least one. */
export function grams(word: string, buckets: number): readonly number[] {
  const framed = `<${word.slice(0, MAX_WORD)}>`;
  const found: number[] = [];
  for (let size = MIN_GRAM; size <= MAX_GRAM; size++) {
    for (let start = 0; start + size <= framed.length; start++)
      found.push(hash(framed, start, size) % buckets);
  }
  return found;
}

function isAcronym(word: string): boolean {
  return word.length > 1 && word === word.toUpperCase() && word !== word.toLowerCase();
}

function pushWord(raw: string, vocabulary: Vocabulary, found: string[]): void {
  const low = raw.toLowerCase();
  if (vocabulary.has(low)) {
    found.push(low);
    return;
  }
  const stem = low.split("'", 1)[0] ?? low;
  if (stem !== low && vocabulary.has(stem)) {
    found.push(stem);
    return;
  }
  const parts = raw === low || NON_ASCII.test(raw) ? undefined : raw.match(CAMEL);
  if (parts && parts.length > 1) for (const part of parts) found.push(part.toLowerCase());
  else found.push(low);
}

function hash(text: string, start: number, size: number): number {
  let value = 0x811c9dc5;
  for (let at = start; at < start + size; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
