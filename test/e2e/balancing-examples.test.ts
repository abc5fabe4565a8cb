/** The balancing examples do what their READMEs say, with the simulator as every vendor. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import type { Behaviour } from "../../src/simulator/behaviour.ts";
import { type Stack, startStack } from "../support/gateway.ts";

let stack: Stack;
/** Puts the same file in place again, with a word of it changed that is not the targets'. */
let reloadSame: () => Promise<void>;
afterEach(() => stack.close());

async function start(example: string): Promise<void> {
  const yaml = readFileSync(new URL(`../../examples/${example}/gateway.yaml`, import.meta.url), "utf8");
  const config = (simulator: string) =>
    yaml.replaceAll('${{ env "DECK_OPENAI_CHAT_URL" }}', `${simulator}/v1/chat/completions`);
  stack = await startStack({ config, env: { DECK_OPENAI_API_KEY: "sk-examples" } });
  reloadSame = () =>
    stack.reload((simulator) =>
      config(simulator).replace("    targets:", "    max_request_body_size: 100000\n    targets:"),
    );
}

interface Asking {
  readonly times?: number;
  readonly prompt?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Requests under way at a time. */
  readonly atOnce?: number;
}

/** Status and model of each answer. */
async function ask({ times = 1, prompt = "What is a list?", headers = {}, atOnce = 1 }: Asking = {}) {
  const answers: string[] = [];
  const left = Array.from({ length: times }, () => prompt);
  const worker = async () => {
    while (left.pop() !== undefined) {
      const answer = await stack.send({
        path: "/anything",
        headers,
        body: { messages: [{ role: "user", content: prompt }] },
      });
      answers.push(`${answer.status} ${String(answer.headers["x-kong-llm-model"]).replace("openai/", "")}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return answers;
}

function countOf(answers: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}

/** From now on this model answers like this; the returned function ends it. */
const behave = (model: string, behaviour: Behaviour) =>
  stack.simulator.behave({ match: { model }, behaviour });

const broken: Behaviour = { status: 500 };
const busy: Behaviour = { status: 429, retryAfterSeconds: 1 };

describe("examples/round-robin", () => {
  it("shares seventy to twenty-five to five", async () => {
    await start("round-robin");
    expect(countOf(await ask({ times: 100 }))).toEqual({
      "200 gpt-4o": 70,
      "200 gpt-4o-mini": 25,
      "200 gpt-3.5-turbo": 5,
    });
  });
});

describe("examples/consistent-hashing", () => {
  it("keeps each user on one model, over a reload too, and spreads users and those without a name", async () => {
    await start("consistent-hashing");
    const modelOf = async (user: string) => (await ask({ headers: { "x-user": user } }))[0];
    const users = Array.from({ length: 30 }, (_, at) => `user-${at}`);
    const first = await Promise.all(users.map(modelOf));
    expect(new Set(first).size).toBe(2);
    expect(await Promise.all(users.map(modelOf))).toEqual(first);
    await reloadSame();
    expect(await Promise.all(users.map(modelOf))).toEqual(first);
    expect(new Set(await ask({ times: 30 })).size).toBe(2);
  });
});

describe("examples/least-connections", () => {
  it("gives a slow model fewer, and the other what one refuses", async () => {
    await start("least-connections");
    const end = behave("gpt-4o", { latencyMs: 300 });
    const counts = countOf(await ask({ times: 60, atOnce: 6 }));
    expect(counts["200 gpt-4o-mini"]).toBeGreaterThan(3 * (counts["200 gpt-4o"] ?? 0));
    end();
    behave("gpt-4o", busy);
    expect(countOf(await ask({ times: 10 }))).toEqual({ "200 gpt-4o-mini": 10 });
  });
});

describe("examples/lowest-latency", () => {
  it("sends nearly all to the faster model", async () => {
    await start("lowest-latency");
    behave("gpt-4o", { latencyMs: 80 });
    await ask({ times: 10 });
    const counts = countOf(await ask({ times: 50 }));
    expect(counts["200 gpt-4o-mini"]).toBeGreaterThanOrEqual(45);
  });
});

describe("examples/lowest-usage", () => {
  it("evens out the prompt tokens of both, however long single prompts are", async () => {
    await start("lowest-usage");
    const long = "word ".repeat(2_000);
    expect(await ask({ prompt: long })).toEqual(["200 gpt-4o"]);
    expect(countOf(await ask({ times: 20 }))).toEqual({ "200 gpt-4o-mini": 20 });
  });
});

describe("examples/priority", () => {
  it("uses the reserve only when both of the first choice fail", async () => {
    await start("priority");
    expect(countOf(await ask({ times: 10 }))).toEqual({ "200 gpt-4o": 5, "200 gpt-4o-mini": 5 });
    const end = behave("gpt-4o", busy);
    expect(countOf(await ask({ times: 5 }))).toEqual({ "200 gpt-4o-mini": 5 });
    behave("gpt-4o-mini", { status: 503 });
    expect(countOf(await ask({ times: 5 }))).toEqual({ "200 gpt-3.5-turbo": 5 });
    end();
  });
});

describe("examples/circuit-breaker", () => {
  it("asks a broken model three times, then no more; and says so when both are broken", async () => {
    await start("circuit-breaker");
    const asked = (model: string) =>
      stack.simulator.received().filter(({ body }) => (body as { model?: string }).model === model).length;
    behave("gpt-4o", broken);
    expect(countOf(await ask({ times: 20 }))).toEqual({ "200 gpt-4o-mini": 20 });
    expect(asked("gpt-4o")).toBe(3);
    behave("gpt-4o-mini", broken);
    await ask({ times: 3 });
    const answer = await stack.send({
      path: "/anything",
      body: { messages: [{ role: "user", content: "What is a list?" }] },
    });
    expect(answer.status).toBe(503);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    expect(Number(answer.headers["retry-after"])).toBeLessThanOrEqual(10);
    expect(asked("gpt-4o-mini")).toBe(23);
  });
});

describe("examples/semantic-with-fallback", () => {
  const prompt = "My VPN keeps disconnecting; help me troubleshoot it?";

  it("shares a subject three to one, and goes to the other when one fails", async () => {
    await start("semantic-with-fallback");
    expect(countOf(await ask({ times: 20, prompt }))).toEqual({ "200 gpt-4o": 15, "200 gpt-4o-mini": 5 });
    behave("gpt-4o", busy);
    expect(countOf(await ask({ times: 5, prompt }))).toEqual({ "200 gpt-4o-mini": 5 });
    expect(countOf(await ask({ times: 3 }))).toEqual({ "200 gpt-3.5-turbo": 3 });
  });
});
