import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import {
  createTokenCounter,
  maxExactCharacters,
  maxWaitingCharacters,
  type TokenCounter,
} from "./token-counter.ts";

const counter = createTokenCounter({
  schedule: () => () => undefined,
  onFailure: (error) => {
    throw error;
  },
});
afterAll(() => counter.close());

const count = (...texts: readonly string[]) => counter.count(texts, "o200k_base");

describe("a count", () => {
  // The first three are OpenAI's: its cookbook, "How to count tokens with tiktoken", section 5. The others were counted by
  // js-tiktoken 1.0.21, another implementation.
  it.each([
    ["antidisestablishmentarianism", 6, 6],
    ["2 + 2 = 4", 7, 7],
    ["お誕生日おめでとう", 8, 9],
    ["hello <|endoftext|>", 8, 7],
    ["Donaudampfschifffahrtsgesellschaftskapitän fährt über die Brücke.", 19, 26],
    ["今天天气很好,我们去公园散步吧。", 13, 20],
    ["👩‍👩‍👧‍👦 🙂🇩🇪", 16, 25],
    ['{"a":[1,2,3],"b":{"c":null}}', 15, 15],
    ["for (let i = 0; i < n; i++) {\n    total += a[i];\n}", 22, 22],
  ])("of %j is what the encodings give", async (text, o200k, cl100k) => {
    expect(await counter.count([text], "o200k_base")).toBe(o200k);
    expect(await counter.count([text], "cl100k_base")).toBe(cl100k);
  });

  it("of several texts is the sum of theirs", async () => {
    expect(await count("one two", "", "three")).toBe((await count("one two")) + (await count("three")));
    expect(await count()).toBe(0);
    expect(await count("")).toBe(0);
  });

  it("is had of any text, lone halves of characters and special tokens included", async () => {
    const special = fc.constantFrom(
      "<|endoftext|>",
      "<|im_start|>",
      "<|endofprompt|>",
      "\ud800",
      "\udc00",
      "\u0301",
    );
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: special }), fc.string());
    await fc.assert(
      fc.asyncProperty(text, async (value) => {
        const tokens = await count(value);
        expect(tokens).toBeGreaterThanOrEqual(value === "" ? 0 : 1);
        // A token is at least a byte, and a character at most three.
        expect(tokens).toBeLessThanOrEqual(value.length * 3);
      }),
    );
  });

  it("grows with the text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string({ minLength: 20 }), async (text, more) => {
        expect(await count(`${text}\n${more}`)).toBeGreaterThanOrEqual(await count(text));
      }),
    );
  });

  it.each([
    ["letters", "a"],
    ["spaces", " "],
    ["line breaks", "/\n"],
    ["signs", "!?"],
    ["marks", "a\u0301"],
    ["emoji", "🙂"],
    ["han", "的"],
    ["lone halves", "\ud800"],
  ])("of nothing but %s is had in bounded time", { timeout: 10_000 }, async (_name, unit) => {
    // Uncut, 100,000 letters took 11 s, and four times as many 16 times that.
    expect(await count(unit.repeat(400_000 / unit.length))).toBeGreaterThan(0);
  });

  it("cuts only what no word is, and hardly changes its count by it", async () => {
    const word = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz";
    expect(await count(`${word} `.repeat(50))).toBeGreaterThan(50 * 10);
    expect(await count("a".repeat(128 * 8))).toBe(128); // eight letters a token
    expect(await count(" ".repeat(1280))).toBe(10); // 128 spaces a token
  });

  it("of more than is counted exactly is in proportion", async () => {
    const line = "The quick brown fox jumps over the lazy dog.\n";
    const lines = Math.ceil((maxExactCharacters * 3) / line.length);
    const exact = lines * (await count(line));
    const tokens = await count(line.repeat(lines), "x".repeat(10));
    expect(Math.abs(tokens / exact - 1)).toBeLessThan(0.01);
  });

  it("does not hold the event loop", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await count("Zażółć gęślą jaźń. ".repeat(10_000));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
  });
});

describe("the thread", () => {
  const opened: TokenCounter[] = [];
  afterEach(() => Promise.all(opened.splice(0).map((each) => each.close())));

  function open(start?: () => Worker) {
    const clock = createFakeClock();
    const failures: string[] = [];
    const opening = createTokenCounter({
      schedule: clock.schedule,
      onFailure: (error) => failures.push(error.message),
      ...(start !== undefined && { start }),
    });
    opened.push(opening);
    return { ...opening, clock, failures };
  }
  const running = (source: string) => () => new Worker(source, { eval: true });
  const silent = running('require("node:worker_threads").parentPort.on("message", () => undefined)');

  it("ends when it has long been idle, and starts again when it is needed", async () => {
    const { count, clock } = open();
    expect(await count(["one two"], "o200k_base")).toBe(2);
    expect(clock.timers).toBe(1);
    expect(await count(["one two"], "o200k_base")).toBe(2);
    expect(clock.timers).toBe(1);
    await clock.advance(5 * 60_000);
    expect(clock.timers).toBe(0);
    expect(await count(["one two"], "o200k_base")).toBe(2);
  });

  it("that breaks is reported, and leaves a rough count", async () => {
    const { count, failures } = open(running('throw new Error("no memory")'));
    expect(await Promise.all([count(["x".repeat(40)], "o200k_base"), count(["x"], "o200k_base")])).toEqual([
      10, 1,
    ]);
    expect(failures).toEqual(["no memory"]);
    expect(await count(["x".repeat(40)], "o200k_base")).toBe(10);
    expect(failures).toHaveLength(2);
  });

  it("that the system does not give is reported, and leaves a rough count", async () => {
    const { count, failures } = open(() => {
      throw new Error("no thread left");
    });
    expect(await count(["x".repeat(40)], "o200k_base")).toBe(10);
    expect(failures).toEqual(["no thread left"]);
  });

  it("that is closed owes nothing", async () => {
    const { count, close, failures } = open(silent);
    const counting = count(["x".repeat(40)], "o200k_base");
    await close();
    expect(await counting).toBe(10);
    expect(failures).toEqual([]);
  });

  it("has a bound on what waits for it", async () => {
    const { count, close } = open(silent);
    const longest = "x".repeat(maxExactCharacters);
    const fitting = maxWaitingCharacters / maxExactCharacters;
    const waiting = Array.from({ length: fitting }, () => count([longest], "o200k_base"));
    expect(await count(["x".repeat(40)], "o200k_base")).toBe(10);
    await close();
    await Promise.all(waiting);
  });
});
