import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compatible,
  failure,
  fakeVendor,
  type Rules,
  servicesOf,
  signal,
  small,
} from "../../test/support/fake-embeddings-vendor.ts";
import { type HttpCall, HttpCallError } from "../http/http-call.ts";
import type { EmbeddingsDialect } from "./http-embedder.ts";
import { openai } from "./openai.ts";
import { openaiBounds, openaiCompatible } from "./openai-compatible.ts";

const refusing = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  openai.create(
    { ...small, auth: { header_name: "Authorization", header_value: "Bearer tok_12345" } },
    fakeVendor({ refuse: () => ({ status, body }), headers }),
  );

describe("which answers openai accepts", () => {
  const answering = (bend: Rules["bend"]) =>
    openai.create(small, fakeVendor({ answersFloats: true, ...(bend && { bend }) }));
  const [x, y] = [
    [1, ...Array(63).fill(0)],
    [0, 1, ...Array(62).fill(0)],
  ];

  it("sorts by index, and takes the order as it is where there is none", async () => {
    const swapped = answering(() => [
      { index: 1, embedding: y },
      { index: 0, embedding: x },
    ]);
    expect((await swapped.embed(["a", "b"], signal)).vectors.map((vector) => vector[0])).toEqual([1, 0]);
    const plain = answering(() => [{ embedding: y }, { embedding: x }]);
    expect((await plain.embed(["a", "b"], signal)).vectors.map((vector) => vector[0])).toEqual([0, 1]);
  });

  it("brings vectors to unit length", async () => {
    const [vector] = (
      await answering(() => [{ index: 0, embedding: [3, 4, ...Array(62).fill(0)] }]).embed(["a"], signal)
    ).vectors;
    expect(vector?.[0]).toBeCloseTo(0.6, 6);
  });

  it.each([
    ["too few", (data: unknown[]) => data.slice(1), "2 texts were sent but 1"],
    [
      "an index twice",
      () => [
        { index: 0, embedding: x },
        { index: 0, embedding: y },
      ],
      "no embedding has index 1",
    ],
    [
      "an empty vector",
      () => [
        { index: 0, embedding: x },
        { index: 1, embedding: [] },
      ],
      "embedding 1 is empty",
    ],
    [
      "zeros",
      () => [
        { index: 0, embedding: x },
        { index: 1, embedding: Array(64).fill(0) },
      ],
      "embedding 1 is all zeros",
    ],
    [
      "nulls",
      () => [
        { index: 0, embedding: x },
        { index: 1, embedding: [null, 1] },
      ],
      "embedding 1 holds something else",
    ],
    [
      "numbers beyond float32",
      () => [
        { index: 0, embedding: x },
        { index: 1, embedding: [1e300] },
      ],
      "not finite",
    ],
    [
      "NaN in base64",
      () => [
        { index: 0, embedding: x },
        { index: 1, embedding: "AADAfw==" },
      ],
      "not finite",
    ],
    [
      "what is not base64",
      () => [
        { index: 0, embedding: x },
        { index: 1, embedding: "not available" },
      ],
      "not base64",
    ],
    [
      "cut base64",
      () => [
        { index: 0, embedding: x },
        { index: 1, embedding: "AAAAAAA=" },
      ],
      "not base64",
    ],
    [
      "an object",
      () => [
        { index: 0, embedding: x },
        { index: 1, embedding: {} },
      ],
      "neither base64 nor a list",
    ],
    [
      "two lengths",
      () => [
        { index: 0, embedding: x },
        { index: 1, embedding: [1, 2] },
      ],
      "mixes vectors of 64 and 2",
    ],
    ["no list", () => "nothing", "no list `data`"],
  ] as const)("refuses %s", async (_, bend, message) => {
    const error = await failure(answering(bend).embed(["a", "b"], signal));
    expect(error.kind).toBe("invalid");
    expect(error.message).toContain(message);
    expect(error.message).toContain("openai/text-embedding-3-small at api.openai.com");
  });

  it("refuses another length than configured, with both numbers and what to change", async () => {
    const ada = openai.create({ model: { name: "text-embedding-ada-002" }, dimensions: 1024 }, fakeVendor());
    const error = await failure(ada.embed(["a"], signal));
    expect(error).toMatchObject({ kind: "invalid", isRetryable: false });
    expect(error.message).toMatch(/1536 numbers where 1024 are configured: set vectordb\.dimensions to 1536/);
  });

  it("refuses a length that changes under way", async () => {
    let call = 0;
    const vendor = fakeVendor({
      answersFloats: true,
      bend: () => [{ index: 0, embedding: Array(++call).fill(1) }],
    });
    const embedder = openai.create(compatible, vendor);
    await embedder.embed(["a"], signal);
    expect((await failure(embedder.embed(["a"], signal))).message).toMatch(/2 numbers after 1/);
  });

  it("refuses a page where JSON should be, without quoting it", async () => {
    const call: HttpCall = async () => ({
      status: 200,
      headers: {},
      body: "<html>hello prompt</html>",
    });
    const error = await failure(openai.create(small, servicesOf(call)).embed(["hello prompt"], signal));
    expect(error.message).toMatch(/answered 200, but the answer is not JSON/);
    expect(error.message).not.toContain("hello prompt");
    expect(error.isRetryable).toBe(true);
  });

  it("does without a usage, or with one that is no number", async () => {
    const call = fakeVendor().call;
    const bent: HttpCall = async (request) => {
      const answer = await call(request);
      return { ...answer, body: answer.body.replace(/"usage":\{.*?\}/, '"usage":{"prompt_tokens":"many"}') };
    };
    expect(await openai.create(small, servicesOf(bent)).embed(["a"], signal)).not.toHaveProperty(
      "inputTokens",
    );
  });
});

describe("what openai says when a call fails", () => {
  it("names model, host, status and the vendor's message, and what can be retried", async () => {
    const error = await failure(
      refusing(429, { error: { message: "Rate limit reached" } }, { "retry-after": "7" }).embed(
        ["a"],
        signal,
      ),
    );
    expect(error.message).toBe(
      "openai/text-embedding-3-small at api.openai.com answered 429: Rate limit reached",
    );
    expect(error).toMatchObject({ kind: "vendor", status: 429, isRetryable: true, retryAfterMs: 7000 });
    for (const [status, isRetryable] of [
      [400, false],
      [401, false],
      [404, false],
      [408, true],
      [500, true],
      [503, true],
      [302, false],
    ] as const) {
      expect(await failure(refusing(status, "").embed(["a"], signal))).toMatchObject({ status, isRetryable });
    }
  });

  it("never repeats the key", async () => {
    const message = "Incorrect API key provided: tok_12345 (Bearer tok_12345), sk-proj-abcd************wxyz.";
    const error = await failure(refusing(401, { error: { message } }).embed(["a"], signal));
    expect(error.message).toContain("Incorrect API key provided");
    expect(error.message).not.toMatch(/tok_12345|wxyz|abcd/);
  });

  it("never repeats the text", async () => {
    const text = "My employee number is E-4711-0815 and my salary is secret";
    for (const body of [
      { error: { message: `cannot embed: ${text}` } },
      { error: { message: `cannot embed "…number is E-4711-0815 and my salary…" here` } },
      { detail: [{ loc: ["body", "input"], msg: "bad", input: { input: [text] } }] },
      `cannot embed ${text.replaceAll(" ", "\n")}`,
    ]) {
      const error = await failure(refusing(400, body).embed([text], signal));
      expect(error.message).not.toContain("4711-0815");
      expect(error.message).toContain("answered 400");
    }
  });

  it("keeps a long message short and a page out", async () => {
    const long = await failure(
      refusing(500, { error: { message: "x".repeat(10_000) } }).embed(["a"], signal),
    );
    expect(long.message.length).toBeLessThan(400);
    const page = await failure(refusing(502, "<!doctype html><p>Bad gateway</p>").embed(["a"], signal));
    expect(page.message).toMatch(/answered 502: \(an HTML page\)$/);
  });

  it("says where a failure of the network happened, and keeps its kind", async () => {
    const failing = (error: unknown) =>
      openai.create(
        small,
        servicesOf(() => Promise.reject(error)),
      );
    const timeout = await failure(
      failing(new HttpCallError("timeout", "no answer within 5 ms")).embed(["a"], signal),
    );
    expect(timeout).toMatchObject({
      kind: "timeout",
      message: "openai/text-embedding-3-small at api.openai.com: no answer within 5 ms",
    });
    const odd = await failure(failing(new TypeError("body was: secret")).embed(["a"], signal));
    expect(odd).toMatchObject({ kind: "vendor", isRetryable: true });
    expect(odd.message).not.toContain("secret");
  });
});

describe("giving way", () => {
  const dialect = openaiCompatible({
    provider: "p",
    model: "m",
    endpoint: new URL("http://h/e"),
    auth: undefined,
    dimensions: 64,
    dimensionsField: "dimensions",
    ...openaiBounds,
  });

  it("comes to an end whatever a server complains of", () => {
    const complaint = fc.constantFrom(
      "encoding_format",
      "dimensions",
      "maximum context length is 512 tokens",
      "no",
    );
    const complaints = fc.array(complaint, { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(complaints, fc.constantFrom(400, 413, 422), (messages, status) => {
        let current: EmbeddingsDialect = dialect;
        const seen = new Set<string>();
        const asks = () => `${current.bytesPerText} ${current.encode(["a"]).body}`;
        for (const message of messages) {
          const next = current.giveWay?.(status, message);
          if (next === undefined) continue;
          seen.add(asks());
          current = next;
          expect(seen).not.toContain(asks());
        }
        expect(seen.size).toBeLessThanOrEqual(5);
      }),
    );
  });

  it("happens only for complaints about the request", () => {
    for (const status of [401, 404, 429, 500])
      expect(dialect.giveWay?.(status, "encoding_format, dimensions, too long")).toBeUndefined();
  });
});
