import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChatRequest } from "../llm/chat.ts";
import { type MergeOptions, mergeOptions, type OptionsMode } from "./options.ts";

const messages = [{ role: "user", content: "hi" }];
const merge = (client: Record<string, unknown>, config: MergeOptions, mode: OptionsMode = "default") => {
  const { messages: _messages, ...rest } = mergeOptions({ messages, ...client } as ChatRequest, config, mode);
  return rest;
};

describe("temperature, top_p and top_k", () => {
  const names = ["temperature", "top_p", "top_k"] as const;
  /** client, config, result in mode `default`, result in mode `enforce` */
  const matrix: readonly (readonly [unknown, number | undefined, unknown, unknown])[] = [
    [undefined, undefined, undefined, undefined],
    [undefined, 0.3, 0.3, 0.3],
    [0.9, undefined, 0.9, 0.9],
    [0.9, 0.3, 0.9, 0.3],
    [0, 0.3, 0, 0.3],
    [0.9, 0, 0.9, 0],
    [null, 0.3, 0.3, 0.3],
    [null, undefined, null, null],
    ["0.9", 0.3, 0.3, 0.3],
  ];

  it.each(names)("%s: the client's wins by default, the target's where it is enforced", (name) => {
    for (const [client, config, byDefault, enforced] of matrix) {
      const given = client === undefined ? {} : { [name]: client };
      const configured = config === undefined ? {} : { [name]: config };
      expect(merge(given, configured)[name]).toEqual(byDefault);
      expect(merge(given, configured, "enforce")[name]).toEqual(enforced);
    }
  });

  it("does not add what neither side has", () => {
    expect(merge({}, {})).toEqual({});
    expect(merge({}, { temperature: undefined, max_tokens: undefined })).toEqual({});
  });
});

describe("the limit of tokens", () => {
  /** client's two limits, result in mode `default`, result in mode `enforce`; the target's limit is 500 */
  const matrix: readonly (readonly [
    Record<string, unknown>,
    Record<string, unknown>,
    Record<string, unknown>,
  ])[] = [
    [{}, { max_tokens: 500 }, { max_tokens: 500 }],
    [{ max_tokens: 100 }, { max_tokens: 100 }, { max_tokens: 500 }],
    [{ max_tokens: 500 }, { max_tokens: 500 }, { max_tokens: 500 }],
    [{ max_tokens: 900 }, { max_tokens: 500 }, { max_tokens: 500 }],
    [{ max_completion_tokens: 100 }, { max_completion_tokens: 100 }, { max_completion_tokens: 500 }],
    [{ max_completion_tokens: 900 }, { max_completion_tokens: 500 }, { max_completion_tokens: 500 }],
    [
      { max_tokens: 100, max_completion_tokens: 900 },
      { max_completion_tokens: 100 },
      { max_completion_tokens: 500 },
    ],
    [
      { max_tokens: 900, max_completion_tokens: 100 },
      { max_completion_tokens: 100 },
      { max_completion_tokens: 500 },
    ],
    [{ max_tokens: null, max_completion_tokens: null }, { max_tokens: 500 }, { max_tokens: 500 }],
    [
      { max_tokens: null, max_completion_tokens: 100 },
      { max_completion_tokens: 100 },
      { max_completion_tokens: 500 },
    ],
    [{ max_tokens: 0 }, { max_tokens: 500 }, { max_tokens: 500 }],
    [{ max_tokens: -1 }, { max_tokens: 500 }, { max_tokens: 500 }],
    [{ max_tokens: 1.5 }, { max_tokens: 500 }, { max_tokens: 500 }],
    [{ max_tokens: "9999" }, { max_tokens: 500 }, { max_tokens: 500 }],
  ];

  it.each(matrix)("can be lowered by a client, never raised: %j", (client, byDefault, enforced) => {
    expect(merge(client, { max_tokens: 500 })).toEqual(byDefault);
    expect(merge(client, { max_tokens: 500 }, "enforce")).toEqual(enforced);
  });

  it("is the client's alone where the target has none", () => {
    const client = { max_tokens: 9, max_completion_tokens: 99_999 };
    expect(merge(client, {})).toEqual(client);
    expect(merge(client, {}, "enforce")).toEqual(client);
  });

  const anything = fc.oneof(
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.constant(null),
    fc.constant(undefined),
    fc.boolean(),
  );

  it("is one number between 1 and the target's, whatever the client sends", () => {
    fc.assert(
      fc.property(
        fc.record({ max_tokens: anything, max_completion_tokens: anything }),
        fc.integer({ min: 1, max: 100_000 }),
        fc.constantFrom<OptionsMode>("default", "enforce"),
        (client, ceiling, mode) => {
          const merged = merge(client, { max_tokens: ceiling }, mode);
          const limits = [merged["max_tokens"], merged["max_completion_tokens"]].filter(
            (limit) => limit !== undefined,
          );
          expect(limits).toHaveLength(1);
          expect(limits[0]).toBeGreaterThanOrEqual(1);
          expect(limits[0]).toBeLessThanOrEqual(ceiling);
        },
      ),
    );
  });
});

describe("mergeOptions", () => {
  it("changes neither the request nor the options, and keeps every other field", () => {
    const request = Object.freeze({
      messages,
      max_tokens: 9,
      max_completion_tokens: 9,
      seed: 1,
    } as ChatRequest);
    const options = Object.freeze({ max_tokens: 5, temperature: 1, top_p: 0.5, top_k: 3 });
    const before = JSON.stringify(request);
    const merged = mergeOptions(request, options, "enforce");
    expect(JSON.stringify(request)).toBe(before);
    expect(merged).toEqual({
      messages,
      seed: 1,
      max_completion_tokens: 5,
      temperature: 1,
      top_p: 0.5,
      top_k: 3,
    });
    expect(merged.messages).toBe(messages);
  });
});
