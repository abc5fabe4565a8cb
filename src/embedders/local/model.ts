// The embedder in the process: a sum of word vectors out of a table; no network, no key, no native code.

import { type SimilarityScale, similarityScale } from "./similarity-scale.ts";
import { readModelFile, readTable, type TableManifest, type WordTable } from "./table.ts";
import { sampleText, words } from "./tokenizer.ts";

/** Turns text into vectors whose cosine tells how near two texts are in meaning. Deterministic; never throws on any text. */
export interface LocalModel {
  /** Name and version: vectors and thresholds of different names must not be mixed. */
  readonly name: string;
  readonly dimensions: number;
  /** A vector of unit length; all zeros only if the text holds no token at all. A new array each time. */
  embed(text: string): Float32Array;
  /** How many words (not a vendor's tokens) the text has; an estimate where the text is too long to be read whole. */
  countTokens(text: string): number;
  /** Cosine (−1…1) → similarity on the scale thresholds are written for; see similarity-scale.ts. */
  calibrate(cosine: number, group?: { readonly examples: number }): number;
}

interface Manifest extends TableManifest {
  readonly name: string;
  readonly version: string;
  readonly scale: SimilarityScale;
}

/** A text with more unknown words than this (base64, say) is read at every n-th of them: each costs a dozen rows. */
const MAX_UNKNOWN = 128;

const FOLDER = new URL("../../../models/local/", import.meta.url);

let loaded: LocalModel | undefined;

/**
 * The model that ships with the package; read, checked and kept on the first call (about 0.1 s).
 * @throws Error that names the file if one is missing or not the one the manifest describes.
 */
export function loadLocalModel(): LocalModel {
  loaded ??= readModel(FOLDER);
  return loaded;
}

/** Reads a model from a folder with `manifest.json` and the files it names. */
export function readModel(folder: URL): LocalModel {
  const manifest = JSON.parse(readModelFile(folder, "manifest.json").toString("utf8")) as Manifest; // our own file; the hashes in it guard the rest
  const table = readTable(folder, manifest);
  const toScale = similarityScale(manifest.scale);
  return {
    name: `${manifest.name}-${manifest.version}`,
    dimensions: manifest.dimensions,
    embed: (text) => pool(text, table),
    countTokens: (text) => countWords(text, table),
    calibrate: (cosine, group) => toScale(cosine, group?.examples ?? 0),
  };
}

/** The sum of the vectors of a text's words, of the word pairs the table knows, and of what stands in for unknown words. */
function pool(text: string, table: WordTable): Float32Array {
  const sum = new Float32Array(table.dimensions);
  for (const [row, weight] of weigh(text, table)) table.add(sum, row, weight);
  return toUnitLength(sum);
}

/** The k-th repeat of a row counts 1/k, so that boilerplate does not drown the topic. */
function weigh(text: string, table: WordTable): ReadonlyMap<number, number> {
  const { known, unknown } = findRows(text, table);
  const times = new Map<number, number>();
  const weights = new Map<number, number>();
  const count = (row: number, weight: number) => {
    const time = (times.get(row) ?? 0) + 1;
    times.set(row, time);
    weights.set(row, (weights.get(row) ?? 0) + weight / time);
  };
  for (const row of known) count(row, 1);
  const stride = Math.ceil(unknown.length / MAX_UNKNOWN);
  for (let index = 0; index < unknown.length; index += stride) {
    const rows = table.gramRows(unknown[index] ?? "");
    for (const row of rows) count(row, 1 / rows.length);
  }
  return weights;
}

function findRows(
  text: string,
  { rows }: WordTable,
): { known: readonly number[]; unknown: readonly string[] } {
  const known: number[] = [];
  const unknown: string[] = [];
  let previous = "";
  for (const word of words(sampleText(text), rows)) {
    const row = rows.get(word);
    if (row === undefined) unknown.push(word);
    else known.push(row);
    const pair = rows.get(`${previous} ${word}`);
    if (pair !== undefined) known.push(pair);
    previous = word.startsWith("^") ? word.slice(1).toLowerCase() : word;
  }
  return { known, unknown };
}

function countWords(text: string, { rows }: WordTable): number {
  const sample = sampleText(text);
  return Math.round((words(sample, rows).length * text.length) / Math.max(sample.length, 1));
}

function toUnitLength(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (squares === 0) return vector;
  const factor = 1 / Math.sqrt(squares);
  for (let column = 0; column < vector.length; column++) vector[column] = (vector[column] ?? 0) * factor;
  return vector;
}
