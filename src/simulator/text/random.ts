/** Seeded chance: the same seed gives the same answers on every machine. */

/** Numbers in [0, 1). */
export type Random = () => number;

/** 32-bit FNV-1a over UTF-16 code units: spreads short texts well and needs no table. Parts are kept apart. */
export function hashText(...parts: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    const text = String(part);
    for (let index = 0; index < text.length; index++) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    }
    hash = Math.imul(hash ^ 0xffff, 0x01000193);
  }
  return hash >>> 0;
}

/** mulberry32 (T. Ettinger, public domain): 32 bits of state, far more than good enough for made-up answers. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** One of the items, evenly. Throws a `RangeError` for an empty list. */
export function choose<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new RangeError("cannot choose from an empty list");
  return item;
}

/** A standard normal deviate (Box and Muller, 1958). */
export function normalDeviate(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}

/** Letters and digits, as vendors put into ids. */
export function randomId(random: Random, length: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  let id = "";
  while (id.length < length) id += alphabet[Math.floor(random() * alphabet.length)];
  return id;
}
