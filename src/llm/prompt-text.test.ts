import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChatMessage } from "./chat.ts";
import { messageText, promptTexts, stripNoise } from "./prompt-text.ts";

const user = (content: unknown) => ({ role: "user", content }) as ChatMessage;
const text = (value: string) => ({ type: "text", text: value });
const image = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
const texts = (messages: readonly unknown[], includeSystem = false) =>
  promptTexts(messages as ChatMessage[], { includeSystem });

describe("messageText", () => {
  it("is the string, or the text parts on lines of their own", () => {
    expect(messageText(user("hi"))).toBe("hi");
    expect(messageText(user([text("a"), image, text("b")]))).toBe("a\nb");
  });

  it("is empty where there is no text", () => {
    for (const content of [
      null,
      undefined,
      [],
      [image],
      7,
      { text: "x" },
      [null, "x", 3, { type: "text" }, { type: "text", text: 5 }],
    ]) {
      expect(messageText(user(content))).toBe("");
    }
  });
});

describe("stripNoise", () => {
  it.each([
    ["<system-reminder>be careful</system-reminder>How do I sort?", "How do I sort?"],
    ["How do I sort?\n<environment_details>\nos: linux\n</environment_details>", "How do I sort?"],
    ['a <TOOL_RESULT id="1">x</tool_result> b', "a  b"],
    ["<ide_selection>one</ide_selection>x<ide_selection>two</ide_selection>", "x"],
    ["<tool_results><tool_result>in</tool_result></tool_results>y", "y"],
    ["<command-name>/x</command-name>\n<command-message>m</command-message>", ""],
    ["<system-reminder>", "<system-reminder>"],
    ["</system-reminder> alone", "</system-reminder> alone"],
    [
      "<system-reminder>never closed, </tool_result> is another",
      "<system-reminder>never closed, </tool_result> is another",
    ],
    ["<system-reminder>a</system-reminder>b</system-reminder>", "b</system-reminder>"],
    ["<system-reminders>not ours</system-reminders>", "<system-reminders>not ours</system-reminders>"],
    ["what does <b>bold</b> do? 1 < 2", "what does <b>bold</b> do? 1 < 2"],
    ["  spaces \n", "spaces"],
    ["İİ<tool_result>x</tool_result>İ", "İİİ"],
  ])("makes %j to %j", (given, expected) => {
    expect(stripNoise(given)).toBe(expected);
  });

  it("leaves a text without such blocks as it is, but for the space around it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (given) => {
        expect(stripNoise(given)).toBe(given.trim());
      }),
    );
  });

  it("takes out every block that it is given, wherever it stands", () => {
    const word = fc.constantFrom("how", "do I", "<x>", "1 < 2", "ü");
    const block = fc.constantFrom(
      "<tool_result>a < b</tool_result>",
      "<system-reminder x=1>\n</SYSTEM-reminder>",
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(word, fc.option(block))), (parts) => {
        const noisy = parts.map(([words, noise]) => words + (noise ?? "")).join(" ");
        expect(stripNoise(noisy)).toBe(
          parts
            .map(([words]) => words)
            .join(" ")
            .trim(),
        );
      }),
    );
  });

  it("takes no longer than the length of the text asks for, whatever a client sends", () => {
    for (const piece of [
      "<system-reminder>",
      "<system-reminder ",
      "</system-reminder ",
      "<tool_result x></tool_results>",
    ]) {
      const megabyte = piece.repeat(Math.ceil(1_048_576 / piece.length));
      const startedAt = performance.now();
      stripNoise(`${megabyte}</`);
      expect(performance.now() - startedAt).toBeLessThan(1000); // it was minutes once
    }
  });
});

describe("promptTexts", () => {
  it("is what people wrote, most recent first, without what is empty", () => {
    const messages = [
      { role: "system", content: "be brief" },
      user("first"),
      { role: "assistant", content: "answer" },
      user("<system-reminder>only noise</system-reminder>"),
      user([image]),
      user([text("second"), image]),
      { role: "tool", content: "42", tool_call_id: "1" },
    ];
    expect(texts(messages)).toEqual(["second", "first"]);
  });

  it("takes the last message with words where no user wrote any, system messages aside", () => {
    expect(
      texts([{ role: "tool", content: "older" }, { role: "tool", content: "newer" }, user([image])]),
    ).toEqual(["newer"]);
    expect(
      texts([
        { role: "assistant", content: "a" },
        { role: "developer", content: "d" },
      ]),
    ).toEqual(["a"]);
    expect(texts([{ role: "system", content: "s" }])).toEqual([]);
    expect(texts([user(""), user(null)])).toEqual([]);
    expect(texts([])).toEqual([]);
  });

  it("puts the system's words before each text where it is asked to", () => {
    const messages = [
      { role: "system", content: "You know Python." },
      { role: "developer", content: [text("Be brief.")] },
      user("a"),
      user("b"),
    ];
    expect(texts(messages, true)).toEqual([
      "You know Python.\nBe brief.\nb",
      "You know Python.\nBe brief.\na",
    ]);
    expect(texts([user("a")], true)).toEqual(["a"]);
    expect(texts([{ role: "system", content: "s" }], true)).toEqual([]);
  });

  it("never throws, whatever the messages are, and gives no empty text", () => {
    const message = fc.oneof(
      fc.record({ role: fc.constantFrom("user", "system", "tool", "x"), content: fc.anything() }),
      fc.record({
        role: fc.anything(),
        content: fc.array(fc.record({ type: fc.constantFrom("text", "x"), text: fc.anything() })),
      }),
      fc.dictionary(fc.string(), fc.anything()),
    );
    fc.assert(
      fc.property(fc.array(message), fc.boolean(), (messages, includeSystem) => {
        for (const each of texts(messages, includeSystem)) expect(each.trim()).not.toBe("");
      }),
    );
  });
});
