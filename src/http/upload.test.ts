import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFakeClock, settled } from "../../test/support/fake-clock.ts";
import { SilenceWatch } from "./silence-watch.ts";
import { inPieces, pieceBytes, Upload } from "./upload.ts";

/** Lengths around those at which the number of pieces changes. */
const lengths = fc
  .tuple(fc.constantFrom(0, 1, 2, 3), fc.integer({ min: -3, max: 3 }))
  .map(([pieces, off]) => Math.max(0, pieces * pieceBytes + off));

async function all(source: AsyncIterable<Uint8Array>): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for await (const piece of source) pieces.push(Buffer.from(piece));
  return pieces;
}

describe("a body in pieces", () => {
  it("is the same bytes, and no piece is too long", async () => {
    await fc.assert(
      fc.asyncProperty(lengths, fc.constantFrom("a", "é", "語", "😀"), async (length, letter) => {
        const text = letter.repeat(Math.ceil(length / Buffer.byteLength(letter)));
        const bytes = Buffer.from(text);
        for (const body of [text, bytes]) {
          const pieces = inPieces(body);
          expect(pieces === undefined).toBe(bytes.length <= pieceBytes);
          if (pieces === undefined) continue;
          const parts = await all(pieces.source);
          expect(parts.every((part) => part.length <= pieceBytes)).toBe(true);
          expect(Buffer.concat(parts).equals(bytes)).toBe(true);
          expect(pieces.length).toBe(bytes.length);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("is a stream as it comes, of unknown length, and nothing where there is nothing", () => {
    const stream = new PassThrough();
    expect(inPieces(stream)).toEqual({ source: stream, length: undefined });
    expect(inPieces(null)).toBeUndefined();
    expect(inPieces("")).toBeUndefined();
  });
});

const timeoutMs = 100;

/** An upload whose source gives a piece whenever the test says so. */
function start() {
  const clock = createFakeClock();
  let give: (result: IteratorResult<Uint8Array>) => void = () => undefined;
  const told: string[] = [];
  const iterator = {
    next: () =>
      new Promise<IteratorResult<Uint8Array>>((resolve) => {
        give = resolve;
      }),
    return: async () => {
      told.push("returned");
      return { done: true as const, value: undefined };
    },
  };
  const upload = new Upload({
    source: { [Symbol.asyncIterator]: () => iterator },
    watch: new SilenceWatch(clock, timeoutMs, () => told.push(`stalled at ${clock.now()}`)),
    onSent: () => told.push("sent"),
  });
  return {
    clock,
    upload,
    told,
    give: (bytes: Uint8Array) => give({ done: false, value: bytes }),
    end: () => give({ done: true, value: undefined }),
  };
}

const piece = new Uint8Array(1);

describe("an upload", () => {
  it("stalls when the connection does not ask for more in time, however long its source and the whole take", async () => {
    const wait = fc.integer({ min: 0, max: timeoutMs - 1 });
    const turns = fc.array(fc.tuple(fc.integer({ min: 0, max: 5000 }), wait), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(turns, fc.boolean(), async (each, isStalled) => {
        const { clock, upload, told, give, end } = start();
        for (const [sourceMs, connectionMs] of each) {
          const next = upload.next();
          await clock.advance(sourceMs);
          give(piece);
          expect(await next).toEqual({ done: false, value: piece });
          await clock.advance(connectionMs);
        }
        const last = upload.next();
        if (isStalled) {
          give(piece);
          await last;
          const begin = clock.now();
          await clock.advance(timeoutMs - 1);
          expect(told).toEqual([]);
          await clock.advance(1);
          expect(told).toEqual([`stalled at ${begin + timeoutMs}`]);
        } else {
          end();
          expect(await last).toMatchObject({ done: true });
          expect(told).toEqual(["sent"]);
        }
        expect(clock.timers).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it("is not watched any more once an answer has begun, and goes on", async () => {
    const { clock, upload, told, give } = start();
    for (let turn = 0; turn < 2; turn++) {
      const next = upload.next();
      give(piece);
      await next;
      upload.answered();
      expect(clock.timers).toBe(0);
    }
    expect(told).toEqual([]);
  });

  it("that is left lets go of its source, which is yet to answer, and is no end but a failure", async () => {
    const { clock, upload, told, give } = start();
    const reason = new Error("enough");
    const next = upload.next();
    upload.leave(reason);
    await expect(next).rejects.toBe(reason);
    give(piece); // too late
    await settled();
    await expect(upload.next()).rejects.toBe(reason);
    await upload.return();
    expect(told).toEqual(["returned"]);
    expect(clock.timers).toBe(0);
  });

  it("fails as its source fails, and destroys a stream that it leaves", async () => {
    const { clock } = start();
    const watch = new SilenceWatch(clock, timeoutMs, () => undefined);
    const failing = new PassThrough();
    const upload = new Upload({ source: failing, watch, onSent: () => undefined });
    const next = upload.next();
    const reason = new Error("the client left");
    failing.destroy(reason);
    await expect(next).rejects.toBe(reason);
    const waiting = new PassThrough();
    const other = new Upload({ source: waiting, watch, onSent: () => undefined });
    const asked = other.next();
    await other.return();
    await expect(asked).rejects.toThrow("given up");
    expect(waiting.destroyed).toBe(true);
  });
});
