// The embedder in the process: a table of word vectors, summed; no network, no key, no native code.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type SimilarityScale, similarityScale } from "./similarity-scale.ts";
import { grams, sampleText, words } from "./tokenizer.ts";

/** Turns text into vectors whose cosine tells how near two texts are in meaning. Deterministic; never throws on any text. */
export interface LocalModel {
  /** Name and version: vectors and thresholds of different names must not be mixed. */
  readonly name: string;
  readonly dimensions: number;
  /** A vector of unit length; all zeros only if the text holds no token at all. A new array each time. */
  embed(text: string): Float32Array;
  /** How many words (not a vendor's tokens) the text has, those beyond the sampled part included by estimate. */
  countTokens(text: string): number;
  /** Cosine (−1…1) → similarity on the scale thresholds are written for; see similarity-scale.ts. */
  calibrate(cosine: number, group?: { readonly examples: number }): number;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dimensions: number;
  readonly words: number;
  readonly buckets: number;
  readonly files: Readonly<
    Record<"table" | "vocabulary", { readonly name: string; readonly bytes: number; readonly sha256: string }>
  >;
  readonly scale: SimilarityScale;
}

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
  const manifest = JSON.parse(read(folder, "manifest.json").toString("utf8")) as Manifest; // our own file, checked by its hashes
  const table = readChecked(folder, manifest.files.table);
  const spellings = readChecked(folder, manifest.files.vocabulary).toString("utf8").split("\n");
  const rows = spellings.length + manifest.buckets;
  if (spellings.length !== manifest.words || table.byteLength !== rows * (4 + manifest.dimensions)) {
    throw new Error(
      `Local model in ${fileURLToPath(folder)}: table and vocabulary do not fit together; reinstall the package.`,
    );
  }
  return createModel(manifest, spellings, table);
}

/**
 * A text's vector is the sum of its words', of the word pairs the table knows, and, for a word it lacks, of the mean of its
 * character grams. The k-th repeat of a word counts 1/k, so that boilerplate does not drown the topic.
 * The table's file: `rows` little-endian float32 scales, then `rows` × `dimensions` int8; value = scale × int8.
 */
function createModel(manifest: Manifest, spellings: readonly string[], table: Buffer): LocalModel {
  const { dimensions, buckets } = manifest;
  const rowOf = new Map<string, number>();
  for (const [row, spelling] of spellings.entries()) rowOf.set(spelling, row);
  const rows = spellings.length + buckets;
  const scales = readScales(table, rows);
  const cells = new Int8Array(table.buffer, table.byteOffset + rows * 4, rows * dimensions);
  const toScale = similarityScale(manifest.scale);

  function add(sum: Float32Array, row: number, weight: number): void {
    const factor = (scales[row] ?? 0) * weight;
    const start = row * dimensions;
    for (let column = 0; column < dimensions; column++) {
      sum[column] = (sum[column] ?? 0) + factor * (cells[start + column] ?? 0);
    }
  }

  function pool(text: string): Float32Array {
    const sum = new Float32Array(dimensions);
    for (const [row, weight] of rowWeights(text)) add(sum, row, weight);
    return toUnitLength(sum);
  }

  function rowWeights(text: string): ReadonlyMap<number, number> {
    const times = new Map<number, number>();
    const weights = new Map<number, number>();
    const count = (row: number, weight: number) => {
      const time = (times.get(row) ?? 0) + 1;
      times.set(row, time);
      weights.set(row, (weights.get(row) ?? 0) + weight / time);
    };
    let previous: string | undefined;
    for (const word of words(sampleText(text), rowOf)) {
      const row = rowOf.get(word);
      if (row === undefined) countGrams(word, count);
      else count(row, 1);
      const pair = previous === undefined ? undefined : rowOf.get(`${previous} ${word}`);
      if (pair !== undefined) count(pair, 1);
      previous = word.startsWith("^") ? word.slice(1).toLowerCase() : word;
    }
    return weights;
  }

  function countGrams(word: string, count: (row: number, weight: number) => void): void {
    const found = grams(word, buckets);
    for (const bucket of found) count(spellings.length + bucket, 1 / found.length);
  }

  return {
    name: `${manifest.name}-${manifest.version}`,
    dimensions,
    embed: pool,
    countTokens(text) {
      const sample = sampleText(text);
      return Math.round((words(sample, rowOf).length * text.length) / Math.max(sample.length, 1));
    },
    calibrate(cosine, group) {
      return toScale(cosine, group?.examples ?? 0);
    },
  };
}

function toUnitLength(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (squares === 0) return vector;
  const factor = 1 / Math.sqrt(squares);
  for (let column = 0; column < vector.length; column++) vector[column] = (vector[column] ?? 0) * factor;
  return vector;
}

function readScales(table: Buffer, rows: number): Float32Array {
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) scales[row] = table.readFloatLE(row * 4);
  return scales;
}

function readChecked(folder: URL, file: Manifest["files"]["table"]): Buffer {
  const content = read(folder, file.name);
  const sha256 = createHash("sha256").update(content).digest("hex");
  if (content.byteLength === file.bytes && sha256 === file.sha256) return content;
  throw new Error(
    `Local model file ${fileURLToPath(new URL(file.name, folder))} is damaged (${content.byteLength} bytes, expected ${file.bytes}; or a wrong SHA-256); reinstall the package.`,
  );
}

function read(folder: URL, name: string): Buffer {
  const path = fileURLToPath(new URL(name, folder));
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Error(
      `Local model file ${path} cannot be read; reinstall the package or choose another embeddings provider.`,
      { cause },
    );
  }
}
