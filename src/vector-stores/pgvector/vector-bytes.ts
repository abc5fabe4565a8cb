/**
 * Vectors as pgvector sends and takes them in binary (`vector_send`, `vector_recv` in its vector.c): the number of
 * dimensions and an unused word, 16 bits each, then the float32 numbers, all big-endian. Text would round-trip as well,
 * in three times the bytes.
 */
import { WrongDataError } from "../../postgres/rows.ts";

const headerBytes = 4;

export function encodeVector(vector: Float32Array): Buffer {
  const bytes = Buffer.alloc(headerBytes + 4 * vector.length);
  bytes.writeUInt16BE(vector.length, 0);
  let at = headerBytes;
  for (const value of vector) at = bytes.writeFloatBE(value, at);
  return bytes;
}

/** Throws a `WrongDataError` unless the bytes are a whole vector of so many numbers. */
export function decodeVector(bytes: Buffer, dimensions: number): Float32Array {
  const isWhole = bytes.length >= headerBytes && bytes.length === headerBytes + 4 * bytes.readUInt16BE(0);
  if (!isWhole) throw new WrongDataError(`a vector of ${bytes.length} bytes is not whole`);
  if (bytes.readUInt16BE(0) !== dimensions) {
    throw new WrongDataError(`a vector of ${bytes.readUInt16BE(0)} numbers among vectors of ${dimensions}`);
  }
  const vector = new Float32Array(dimensions);
  for (let i = 0; i < dimensions; i++) vector[i] = bytes.readFloatBE(headerBytes + 4 * i);
  return vector;
}
