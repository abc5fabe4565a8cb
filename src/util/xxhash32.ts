/** XXH32: a fast, well-distributed 32-bit hash. Not for secrets: who chooses the input can choose the hash. */

// Constants and steps: Yann Collet, "xxHash fast digest algorithm", version 0.1.1, sections "Overview" and "XXH32",
// https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
const prime1 = 0x9e3779b1;
const prime2 = 0x85ebca77;
const prime3 = 0xc2b2ae3d;
const prime4 = 0x27d4eb2f;
const prime5 = 0x165667b1;
/** Bytes that the four lanes take at a time. */
const stripe = 16;

/** The hash of the bytes: a whole number, 0 ≤ hash < 2³². `seed` is taken modulo 2³². */
export function xxHash32(bytes: Uint8Array, seed = 0): number {
  const { length } = bytes;
  const tail = length - (length % stripe);
  let hash = tail === 0 ? seed + prime5 : hashStripes(bytes, tail, seed);
  hash = (hash + length) | 0;
  let at = tail;
  for (; at + 4 <= length; at += 4) {
    hash = Math.imul(rotate(hash + Math.imul(word(bytes, at), prime3), 17), prime4);
  }
  for (; at < length; at++) {
    hash = Math.imul(rotate(hash + Math.imul(bytes[at] ?? 0, prime5), 11), prime1);
  }
  return avalanche(hash);
}

/** Four independent lanes over all whole stripes, then made one. */
function hashStripes(bytes: Uint8Array, end: number, seed: number): number {
  let lane1 = seed + prime1 + prime2;
  let lane2 = seed + prime2;
  let lane3 = seed;
  let lane4 = seed - prime1;
  for (let at = 0; at < end; at += stripe) {
    lane1 = round(lane1, word(bytes, at));
    lane2 = round(lane2, word(bytes, at + 4));
    lane3 = round(lane3, word(bytes, at + 8));
    lane4 = round(lane4, word(bytes, at + 12));
  }
  return rotate(lane1, 1) + rotate(lane2, 7) + rotate(lane3, 12) + rotate(lane4, 18);
}

function round(lane: number, input: number): number {
  return Math.imul(rotate(lane + Math.imul(input, prime2), 13), prime1);
}

/** Little-endian, whatever the machine is. */
function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Lets every bit of the input change every bit of the hash. */
function avalanche(value: number): number {
  let hash = value ^ (value >>> 15);
  hash = Math.imul(hash, prime2);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, prime3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
