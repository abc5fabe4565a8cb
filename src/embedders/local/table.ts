// The table of word vectors: how it lies in its files, and how rows are found and added up.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { grams } from "./tokenizer.ts";

/** What `manifest.json` says of the two files beside it. */
export interface TableManifest {
  readonly dimensions: number;
  /** Rows with a spelling: words, then word pairs. */
  readonly words: number;
  /** Rows after them, for character grams. */
  readonly buckets: number;
  readonly files: { readonly table: FileFacts; readonly vocabulary: FileFacts };
}

interface FileFacts {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface WordTable {
  readonly dimensions: number;
  /** Row of a word (`vpn`), an acronym (`^IT`) or a pair (`credit card`). */
  readonly rows: ReadonlyMap<string, number>;
  /** Rows that stand in for a word without one: those of its character grams; their mean is its vector. */
  gramRows(word: string): readonly number[];
  /** Adds `weight` × the row's vector to `sum`. */
  add(sum: Float32Array, row: number, weight: number): void;
}

/**
 * `table.bin`: a little-endian float32 scale for each row, then rows × dimensions int8; value = scale × int8.
 * @throws Error that names the file if one is missing or not the one the manifest describes.
 */
export function readTable(folder: URL, manifest: TableManifest): WordTable {
  const { dimensions, buckets } = manifest;
  const content = readChecked(folder, manifest.files.table);
  const spellings = readChecked(folder, manifest.files.vocabulary).toString("utf8").split("\n");
  const count = spellings.length + buckets;
  if (spellings.length !== manifest.words || content.byteLength !== count * (4 + dimensions)) {
    throw new Error(
      `Local model in ${fileURLToPath(folder)}: table and vocabulary do not fit together; reinstall the package.`,
    );
  }
  const scales = readScales(content, count);
  const cells = new Int8Array(content.buffer, content.byteOffset + count * 4, count * dimensions);
  return {
    dimensions,
    rows: new Map(spellings.map((spelling, row) => [spelling, row])),
    gramRows: (word) => grams(word, buckets).map((bucket) => spellings.length + bucket),
    add(sum, row, weight) {
      const factor = (scales[row] ?? 0) * weight;
      const start = row * dimensions;
      for (let column = 0; column < dimensions; column++) {
        sum[column] = (sum[column] ?? 0) + factor * (cells[start + column] ?? 0);
      }
    },
  };
}

/** A file of the model's folder, whole. */
export function readModelFile(folder: URL, name: string): Buffer {
  const path = fileURLToPath(new URL(name, folder));
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Error(
      `Local model file ${path} cannot be read; reinstall the package or choose another embeddings provider.`,
      {
        cause,
      },
    );
  }
}

function readChecked(folder: URL, file: FileFacts): Buffer {
  const content = readModelFile(folder, file.name);
  const sha256 = createHash("sha256").update(content).digest("hex");
  if (content.byteLength === file.bytes && sha256 === file.sha256) return content;
  throw new Error(
    `Local model file ${fileURLToPath(new URL(file.name, folder))} is damaged (${content.byteLength} bytes, expected ${file.bytes}; or a wrong SHA-256); reinstall the package.`,
  );
}

function readScales(content: Buffer, count: number): Float32Array {
  const view = new DataView(content.buffer, content.byteOffset, count * 4);
  const scales = new Float32Array(count);
  for (let row = 0; row < count; row++) scales[row] = view.getFloat32(row * 4, true);
  return scales;
}
