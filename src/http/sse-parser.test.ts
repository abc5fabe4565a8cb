import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ServerSentEvent } from "./sse.ts";
import { createSseParser, SseOverflowError } from "./sse-parser.ts";

interface Outcome {
  readonly events: ServerSentEvent[];
  readonly leftover: ServerSentEvent | undefined;
}

function parse(chunks: readonly Uint8Array[], maxEventBytes?: number): Outcome {
  const events: ServerSentEvent[] = [];
  const parser = createSseParser(
    (event) => events.push(event),
    maxEventBytes === undefined ? {} : { maxEventBytes },
  );
  for (const chunk of chunks) parser.push(chunk);
  return { events, leftover: parser.end() };
}

const whole = (text: string) => parse([Buffer.from(text)]);
const message = (data: string): ServerSentEvent => ({ event: "message", data });

/** The pieces between the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...sorted, bytes.length].map((end, index) =>
    bytes.subarray(index === 0 ? 0 : sorted[index - 1], end),
  );
}

/** The specification read out loud, on a decoded string: slow and plain. */
function reference(text: string): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  lines.pop(); // what follows the last line end is no line
  let data = "";
  let event = "";
  for (const line of lines) {
    if (line === "") {
      if (data !== "") events.push({ event: event || "message", data: data.slice(0, -1) });
      data = "";
      event = "";
      continue;
    }
    const at = line.indexOf(":");
    const field = at === -1 ? line : line.slice(0, at);
    const value = at === -1 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (field === "data") data += `${value}\n`;
    if (field === "event") event = value;
  }
  return events;
}

describe("createSseParser", () => {
  it("reads the streams of the specification's examples", () => {
    expect(whole("data: YHOO\ndata: +2\ndata: 10\n\n").events).toEqual([message("YHOO\n+2\n10")]);
    const three = whole(
      ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
    );
    expect(three.events).toEqual([message("first event"), message("second event")]);
    expect(three.leftover).toEqual(message(" third event"));
    expect(whole("data\n\ndata\ndata\n\ndata:").events).toEqual([message(""), message("\n")]);
    expect(whole("data:test\n\ndata: test\n\n").events).toEqual([message("test"), message("test")]);
  });

  it("ends lines at LF, CR and CRLF, mixed", () => {
    expect(whole("data: a\r\rdata: b\r\n\r\ndata: c\n\r\ndata: d\r\n\ndata: e\n\n").events).toEqual(
      ["a", "b", "c", "d", "e"].map(message),
    );
  });

  it("reports an event at its blank line, without waiting for the LF of a CRLF", () => {
    const events: string[] = [];
    const parser = createSseParser(({ data }) => events.push(data));
    parser.push(Buffer.from("data: a\r\n\r"));
    expect(events).toEqual(["a"]);
    parser.push(Buffer.from("\ndata: b\n\n"));
    expect(events).toEqual(["a", "b"]);
  });

  it("does not take the LF of a CRLF for a blank line when the two come apart", () => {
    expect(parse(["data: a\r", "\ndata: b\r", "\n\r", "\n"].map((text) => Buffer.from(text))).events).toEqual(
      [message("a\nb")],
    );
  });

  it("drops comments, id, retry, unknown fields, and names that only begin like data", () => {
    expect(
      whole(": ping\nid: 7\nretry: 10\nfoo: x\ndatax: y\ndat: z\n data: q\nDATA: r\ndata: ok\n\n").events,
    ).toEqual([message("ok")]);
  });

  it("names the event, and forgets the name with the event", () => {
    expect(whole("event: ping\ndata: {}\n\nevent: lost\n\ndata: x\n\n").events).toEqual([
      { event: "ping", data: "{}" },
      message("x"),
    ]);
  });

  it("skips a byte order mark at the start only, wherever it is cut", () => {
    const bytes = Buffer.from("\uFEFFdata: \uFEFFa\n\n\uFEFFdata: b\n\n");
    for (let place = 0; place <= bytes.length; place += 1) {
      expect(parse(cut(bytes, [place])).events).toEqual([message("\uFEFFa")]);
    }
  });

  describe("tells a cut stream from a finished one", () => {
    it.each<[string, string, ServerSentEvent | undefined]>([
      ["after a blank line", "data: a\n\n", undefined],
      ["after a comment", "data: a\n\n: ping\n", undefined],
      ["inside a comment", "data: a\n\n: pi", undefined],
      ["after a line of data", 'data: {"a":1}\n', message('{"a":1}')],
      ["inside a line of data", 'data: {"a"', message('{"a"')],
      ["a last [DONE] without a blank line", "data: [DONE]", message("[DONE]")],
      ["inside a name", "da", message("")],
      ["after the event's name", "event: ping\n", { event: "ping", data: "" }],
      ["in an empty stream", "", undefined],
      ["after a byte order mark", "\uFEFF", undefined],
      ["inside a comment after a byte order mark", "\uFEFF: x", undefined],
    ])("%s", (_where, text, leftover) => {
      expect(whole(text).leftover).toEqual(leftover);
      expect(parse([...Buffer.from(text)].map((byte) => Uint8Array.of(byte))).leftover).toEqual(leftover);
    });
  });

  describe("bounds an event", () => {
    const overflow = (text: string, limit: number, places: number[] = []) =>
      expect(() => parse(cut(Buffer.from(text), places), limit)).toThrow(SseOverflowError);

    it("of one line, wherever it is cut, finished or not", () => {
      const text = "data: 12345\n\n"; // a line of 11 bytes
      for (let place = 0; place <= text.length; place += 1) {
        expect(parse(cut(Buffer.from(text), [place]), 11).events).toEqual([message("12345")]);
        overflow(text, 10, [place]);
        overflow(text.trimEnd(), 10, [place]);
      }
    });

    it("of many short lines", () => overflow("data:\n".repeat(10), 45));
    it("of an endless name or comment", () => {
      overflow("x".repeat(11), 10, [5]);
      overflow(`:${"x".repeat(11)}`, 10, [5]);
    });

    it("by itself: what came before it is reported, what is dropped does not count", () => {
      expect(parse([Buffer.from(": ping\n".repeat(100))], 10).events).toEqual([]);
      expect(parse([Buffer.from("data: 1234\n\n".repeat(5))], 10).events).toHaveLength(5);
      const events: ServerSentEvent[] = [];
      const parser = createSseParser((event) => events.push(event), { maxEventBytes: 10 });
      expect(() => parser.push(Buffer.from("data: a\n\ndata: too long\n\n"))).toThrow(/more than 10 bytes/);
      expect(events).toEqual([message("a")]);
      expect(() => parser.push(Buffer.from("data: b\n\n"))).toThrow(SseOverflowError);
      expect(parser.end()).toBeUndefined();
    });

    it("at 8 MiB when nothing else is said", () => {
      const line = Buffer.from(`data: ${"x".repeat(1024 * 1024)}\n`);
      const parser = createSseParser(() => undefined);
      for (let count = 0; count < 7; count += 1) parser.push(line);
      expect(() => parser.push(line)).toThrow(SseOverflowError);
    });
  });

  it("takes time in proportion to a long line's bytes, however small its pieces", () => {
    const events: ServerSentEvent[] = [];
    const parser = createSseParser((event) => events.push(event));
    const piece = Buffer.from("x".repeat(64));
    parser.push(Buffer.from("data: "));
    // 4 MiB in 64-byte pieces: copying all that is held for each would move 128 GiB and run into the test's timeout.
    for (let count = 0; count < 65_536; count += 1) parser.push(piece);
    parser.push(Buffer.from("\n\n"));
    expect(events[0]?.data).toHaveLength(4 * 1024 * 1024);
  });

  it("takes time in proportion to a chunk's bytes when its lines end in CR alone", () => {
    expect(parse([Buffer.from("data: x\r\r".repeat(500_000))]).events).toHaveLength(500_000);
  });

  it("does not mind if the caller reuses a chunk's memory", () => {
    const events: string[] = [];
    const parser = createSseParser(({ data }) => events.push(data));
    const memory = Buffer.from("data: abc");
    parser.push(memory);
    memory.fill(120);
    parser.push(Buffer.from("\n\n"));
    expect(events).toEqual(["abc"]);
  });

  it("reads a plain Uint8Array that views the middle of a larger buffer", () => {
    const memory = new TextEncoder().encode("garbage\n\ndata: é\n\n");
    expect(parse([memory.subarray(9)]).events).toEqual([message("é")]);
  });

  it("reports the same events when a recorded stream is cut at any byte", () => {
    const recorded = Buffer.from(
      '\uFEFFdata: {"delta":"Grüße 👋🏽"}\r\n\r\n: ping\n\nevent: message_delta\ndata: {"a":\ndata: "日本"}\n\ndata:[DONE]\r\rdata: cut',
    );
    const expected = parse([recorded]);
    expect(expected.events).toHaveLength(3);
    expect(expected.leftover).toEqual(message("cut"));
    for (let first = 0; first <= recorded.length; first += 1) {
      expect(parse(cut(recorded, [first]))).toEqual(expected);
      expect(parse(cut(recorded, [first, first + 1, first + 2]))).toEqual(expected);
    }
    expect(parse([...recorded].map((byte) => Uint8Array.of(byte)))).toEqual(expected);
  });

  const piece = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        "data",
        "data:",
        "data: ",
        "event: ",
        "id: 1",
        ":",
        " ",
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom("\uFEFF", "é", "日", "👋🏽", "\0", "{", "x") },
    { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 5 }) },
  );
  const stream = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(""));
  const places = fc.array(fc.nat({ max: 200 }), { maxLength: 12 });

  it("reports what the specification says, however any stream is cut", () => {
    fc.assert(
      fc.property(stream, places, (text, at) => {
        const bytes = Buffer.from(text);
        const cutUp = parse(cut(bytes, at));
        expect(cutUp).toEqual(parse([bytes]));
        expect(cutUp.events).toEqual(reference(bytes.toString("utf8")));
      }),
      { numRuns: 3_000 },
    );
  });

  it("reports the same for bytes that are no UTF-8, however they are cut", () => {
    const noise = fc.array(
      fc.constantFrom(10, 13, 32, 58, 0xef, 0xbb, 0xbf, 0xc3, 0xf0, 0x9f, 0x61, ...Buffer.from("data:")),
      {
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(noise, places, (bytes, at) => {
        const memory = Uint8Array.from([...Buffer.from("data: "), ...bytes]);
        expect(parse(cut(memory, at))).toEqual(parse([memory]));
      }),
      { numRuns: 1_000 },
    );
  });
});
