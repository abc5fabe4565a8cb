/** When another target gets a try, and what it is sent: nginx's rules over real sockets. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { type Answer, type Stack, startStack } from "../support/gateway.ts";
import {
  anthropicTarget,
  type ConfigObject,
  chatUrl,
  openaiTarget,
  routesConfig,
  semanticBlocks,
  targetKey,
} from "../support/gateway-config.ts";
import { startRawUpstream, type Upstream } from "../support/http-upstream.ts";
import { readStream } from "../support/stream-client.ts";

const hello = { messages: [{ role: "user", content: "How do I write a Python function?" }] };
const everything = [
  "error",
  "timeout",
  "invalid_header",
  "http_403",
  "http_404",
  "http_429",
  "http_500",
  "http_502",
  "http_503",
  "http_504",
];

interface Failure {
  readonly name: string;
  /** Undefined: no criterion covers it. */
  readonly criterion: string | undefined;
  /** The failing target has received something of the request. */
  readonly isSent: boolean;
  /** What the client gets when nobody else may try. */
  readonly status: number;
  /** What the record says, exactly and in nginx's words. */
  readonly failure: string;
  readonly kind: string;
}

const failures: readonly Failure[] = [
  networkFailure("refused", "error", "refused", { isSent: false }),
  networkFailure("reset", "error", "reset_before_head"),
  networkFailure("half", "error", "closed_before_head"),
  networkFailure("hang", "timeout", "read_timeout", { status: 504 }),
  networkFailure("garbage", "invalid_header", "invalid_header"),
  ...[403, 404, 429, 500, 502, 503, 504].map((status) => httpFailure(status, `http_${status}`)),
  ...[400, 401, 422, 501, 529].map((status) => httpFailure(status, undefined)),
];

function httpFailure(status: number, criterion: string | undefined): Failure {
  const failure = `http_${status}`;
  return { name: String(status), criterion, isSent: true, status, failure, kind: failure };
}

function networkFailure(
  name: string,
  kind: "error" | "timeout" | "invalid_header",
  failure: string,
  { isSent = true, status = 502 } = {},
): Failure {
  return { name, criterion: kind, isSent, status, failure, kind };
}

/** Lists of criteria by what they leave out. */
const lists = {
  nothing: () => [],
  onlyIt: (criterion) => [criterion],
  itAndResend: (criterion) => [criterion, "non_idempotent"],
  onlyResend: () => ["non_idempotent"],
  allButIt: (criterion) => [...everything.filter((other) => other !== criterion), "non_idempotent"],
} as const satisfies Record<string, (criterion: string) => readonly string[]>;

type ListName = keyof typeof lists;

function mayFailOver({ criterion, isSent }: Failure, list: ListName): boolean {
  if (criterion === undefined) return false;
  return list === "itAndResend" || (list === "onlyIt" && !isSent);
}

const algorithms = {
  "round-robin": { balancer: {} },
  semantic: semanticBlocks({}),
} as const satisfies Record<string, { readonly balancer: ConfigObject }>;

type AlgorithmName = keyof typeof algorithms;

const cases = (Object.keys(algorithms) as AlgorithmName[]).flatMap((algorithm) =>
  failures.flatMap((failure) =>
    (Object.keys(lists) as ListName[]).map((list) => ({
      algorithm,
      list,
      failure,
      title: `${algorithm}: ${failure.name} with ${list} listed ${mayFailOver(failure, list) ? "goes to the next target" : "is told to the client"}`,
      route: `${algorithm}-${failure.name}-${list}`,
    })),
  ),
);

describe("a failure under a list of criteria", () => {
  let stack: Stack;
  let garbage: Upstream;

  beforeAll(async () => {
    garbage = await startRawUpstream("220 mail.example ESMTP\r\n");
    const refused = await freePort();
    stack = await startStack({
      config: (url) =>
        routesConfig(
          Object.fromEntries(
            cases.map(({ route, failure, algorithm, list }) => {
              const { name, criterion } = failure;
              const places: Record<string, string> = {
                refused: `http://127.0.0.1:${refused}`,
                garbage: garbage.url,
              };
              const first = chatUrl(places[name] ?? url, `fails-${name}`);
              const block = algorithms[algorithm];
              const description = "Specialist in python";
              const config = {
                ...block,
                balancer: {
                  ...block.balancer,
                  failover_criteria: lists[list](criterion ?? "error"),
                  ...(name === "hang" && { read_timeout: 1_000 }),
                },
                // So much heavier that the first pick is always the one that fails.
                targets: [
                  openaiTarget(first, { description, weight: 65535 }),
                  openaiTarget(chatUrl(url, "works"), { description, weight: 1, model: "gpt-4o-mini" }),
                ],
              };
              return [route, config];
            }),
          ),
        ),
      simulator: {
        script: ({ path }) => {
          const [, name = ""] = /^\/fails-(\w+)\//.exec(path) ?? [];
          if (name === "half") return { halfHeader: true };
          if (name === "reset") return { resetBeforeHeaders: true };
          if (name === "hang") return { hang: true };
          return name === "" ? undefined : { status: Number(name) };
        },
      },
    });
  });
  afterAll(async () => {
    await stack.close();
    await garbage.close();
  });

  it.concurrent.each(cases.map((each) => [each.title, each] as const))("%s", async (_title, each) => {
    const { route, failure, list } = each;
    const answer = await stack.send({ path: `/${route}`, body: hello });
    const { ai } = await answer.record();
    const tried = ai?.proxy.tried_targets.map(({ model, status, failure: reason }) => [
      model,
      reason ?? status,
    ]);
    expect(ai?.proxy.tried_targets[0]?.failure_kind).toBe(failure.kind);
    if (mayFailOver(failure, list)) {
      expect(answer.status).toBe(200);
      expect(answer.headers["x-kong-llm-model"]).toBe("openai/gpt-4o-mini");
      expect(tried).toEqual([
        ["gpt-4o", failure.failure],
        ["gpt-4o-mini", 200],
      ]);
      expect(ai?.proxy.meta.request_model).toBe("gpt-4o-mini");
    } else {
      expect(answer.status).toBe(failure.status);
      expect(tried).toEqual([["gpt-4o", failure.failure]]);
    }
  });
});

describe("a request that fails over", () => {
  const all = [...everything, "non_idempotent"];
  const keys = {
    extra: { auth: { header_name: "Authorization", header_value: "Bearer sk-other-vendor" } },
  };
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      config: (url) => {
        const claude = (name: string) =>
          anthropicTarget(`${url}/${name}/v1/messages`, {
            model: "claude-haiku-4-5",
            weight: 1,
            options: { max_tokens: 77 },
          });
        const options = { max_tokens: 33, temperature: 0.2, top_p: 0.5 };
        return routesConfig({
          chat: {
            balancer: { failover_criteria: all },
            targets: [openaiTarget(chatUrl(url, "a"), { weight: 1000, options }), claude("b")],
          },
          claude: { targets: [claude("b")] },
          back: {
            balancer: { failover_criteria: all },
            targets: [
              anthropicTarget(`${url}/a/v1/messages`, { model: "claude-haiku-4-5", weight: 1000 }),
              openaiTarget(chatUrl(url, "b"), { weight: 1, ...keys }),
            ],
          },
          few: {
            balancer: { failover_criteria: all, retries: 2 },
            targets: ["a1", "a2", "a3", "a4", "a5"].map((name) => openaiTarget(chatUrl(url, name))),
          },
        });
      },
    });
  });
  beforeEach(() => stack.simulator.reset());
  afterAll(() => stack.close());

  const bodies = () => stack.simulator.received().map(({ path, body }) => [path.split("/")[1], body]);
  const fails = (path: string, status = 503) =>
    stack.simulator.behave({ match: { path }, behaviour: { status, retryAfterSeconds: 0 } });

  it("to another dialect is encoded anew from what the client sent", async () => {
    const body = {
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Weather in Oslo?" },
        {
          role: "assistant",
          content: null,
          tool_calls: [
            { id: "call_1", type: "function", function: { name: "w", arguments: '{"city":"Oslo"}' } },
          ],
        },
        { role: "tool", tool_call_id: "call_1", content: "Rain" },
      ],
      temperature: 0.9,
      tools: [{ type: "function", function: { name: "w", parameters: { type: "object", properties: {} } } }],
    };
    fails("/a/*");
    const answer = await stack.send({ body });
    expect(answer.headers["x-kong-llm-model"]).toBe("anthropic/claude-haiku-4-5");
    expect(answer.json()["object"]).toBe("chat.completion");
    await stack.send({ path: "/claude", body });
    const [first, second, alone] = bodies();
    expect(first).toMatchObject(["a", { model: "gpt-4o", max_tokens: 33, temperature: 0.9, top_p: 0.5 }]);
    expect(second).toEqual(alone);
    expect(second).toMatchObject(["b", { system: expect.anything(), max_tokens: 77, temperature: 0.9 }]);
    expect(second?.[1]).not.toHaveProperty("top_p");
  });

  it("carries the key of the target that it goes to, and no other", async () => {
    fails("/a/*");
    await stack.send({ path: "/back", body: hello });
    const [first, second] = stack.simulator.received();
    expect(first?.headers).toMatchObject({ "x-api-key": targetKey });
    expect(second?.headers["authorization"]).toBe("Bearer sk-other-vendor");
    expect(second?.headers["x-api-key"]).toBeUndefined();
    expect(second?.headers["anthropic-version"]).toBeUndefined();
  });

  it("is a stream from the second target as if there had been no first", async () => {
    fails("/a/*");
    const { text, headers } = await readStream(`${stack.url}/chat`, { ...hello, stream: true });
    expect(headers["x-kong-llm-model"]).toBe("anthropic/claude-haiku-4-5");
    expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
    expect(text).not.toContain('"error"');
  });

  it.each([
    ["is cut before its first content", { cutAfterChunks: 1 }],
    ["is empty", { emptyBody: true }],
    ["tells of an error before its first content", { errorAfterChunks: 1 }],
    ["is not JSON where the first content should be", { badJson: true }],
  ])("unseen when a stream %s", async (_name, behaviour) => {
    stack.simulator.behave({ match: { path: "/a/*" }, behaviour });
    const { text, headers } = await readStream(`${stack.url}/chat`, { ...hello, stream: true });
    expect(headers["x-kong-llm-model"]).toBe("anthropic/claude-haiku-4-5");
    expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
    expect(text).not.toContain('"error"');
    expect(text.match(/"role":"assistant"/g)).toHaveLength(1);
    const { ai } = await stack.recordOf(String(headers["x-kong-request-id"]));
    expect(ai?.proxy.tried_targets).toMatchObject([{ status: 200, failure_kind: "stream" }, { status: 200 }]);
    expect(ai?.proxy.meta.stream_error).toBeUndefined();
    expect(ai?.proxy.meta.provider_name).toBe("anthropic");
  });

  it("when a whole answer breaks off or cannot be read", async () => {
    for (const behaviour of [{ cutAfterBytes: 40 }, { badJson: true }, { emptyBody: true }]) {
      stack.simulator.reset();
      stack.simulator.behave({ match: { path: "/a/*" }, behaviour });
      const answer = await stack.send({ body: hello });
      expect(answer.headers["x-kong-llm-model"]).toBe("anthropic/claude-haiku-4-5");
      expect(await triedStatuses(answer)).toEqual([200, 200]);
    }
  });

  it("does not once content has gone out", async () => {
    stack.simulator.behave({ match: { path: "/a/*" }, behaviour: { cutAfterChunks: 2 } });
    const { text } = await readStream(`${stack.url}/chat`, { ...hello, stream: true });
    expect(text).toContain("stream_cut");
    expect(bodies().map(([name]) => name)).toEqual(["a"]);
  });

  it("tries no target twice and ends with the last one's own words", async () => {
    fails("/a/*", 503);
    fails("/b/*", 429);
    const answer = await stack.send({ body: hello });
    expect(answer.status).toBe(429);
    expect(answer.json()).toMatchObject({ type: "error", error: { type: "rate_limit_error" } });
    expect(bodies().map(([name]) => name)).toEqual(["a", "b"]);
    expect(await triedStatuses(answer)).toEqual([503, 429]);
  });

  it("is tried at most retries times more", async () => {
    fails("/a*", 500);
    const answer = await stack.send({ path: "/few", body: hello });
    expect(answer.status).toBe(500);
    const names = bodies().map(([name]) => name);
    expect(names).toHaveLength(3);
    expect(new Set(names).size).toBe(3);
  });

  it("is told what the client did wrong, by the target that said so", async () => {
    const answer = await stack.send({ body: { ...hello, n: 0 } });
    expect(answer.status).toBe(400);
    expect(bodies()).toHaveLength(1);
  });
});

describe("targets that are left out", () => {
  let stack: Stack;
  let config: (url: string) => ConfigObject;
  beforeAll(async () => {
    const two = (url: string, balancer: ConfigObject) => ({
      balancer: { failover_criteria: [...everything, "non_idempotent"], ...balancer },
      targets: [openaiTarget(chatUrl(url, "a")), openaiTarget(chatUrl(url, "b"), { model: "gpt-4o-mini" })],
    });
    config = (url) =>
      routesConfig({
        breaker: two(url, { max_fails: 1, fail_timeout: 60_000 }),
        cooling: two(url, {}),
        hurried: two(url, { total_timeout: 150 }),
        unheld: two(url, { stream_hold: 0 }),
      });
    stack = await startStack({ config });
  });
  beforeEach(() => stack.simulator.reset());
  afterAll(() => stack.close());

  const names = () => stack.simulator.received().map(({ path }) => path.split("/")[1]);

  it("are tried no more, after a reload neither; when all are, the client is told when to come back", async () => {
    stack.simulator.behave({ behaviour: { resetBeforeHeaders: true } });
    const failed = await stack.send({ path: "/breaker", body: hello });
    expect(failed.status).toBe(502);
    expect(names()).toHaveLength(2);
    const refused = await stack.send({ path: "/breaker", body: hello });
    expect(refused.status).toBe(503);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(50);
    expect(refused.json()).toMatchObject({
      error: { code: "no_healthy_target", message: expect.stringContaining("all 2 targets") },
    });
    expect(names()).toHaveLength(2);
    const { ai, error } = await refused.record();
    expect(error).toContain("no target is available");
    expect(ai?.proxy.tried_targets).toEqual([]);
    expect(ai?.proxy.unavailable_targets).toMatchObject([
      { target: "openai/gpt-4o", state: "open" },
      { target: "openai/gpt-4o-mini", state: "open" },
    ]);
    await stack.reload(config);
    expect((await stack.send({ path: "/breaker", body: hello })).status).toBe(503);
    expect(names()).toHaveLength(2);
  });

  it("because their vendor asked for a pause are tried again only for want of others", async () => {
    stack.simulator.behave({
      match: { path: "/a/*" },
      behaviour: { status: 429, retryAfterSeconds: 60 },
      times: 1,
    });
    for (let round = 0; round < 5; round++) {
      const answer = await stack.send({ path: "/cooling", body: hello });
      expect(answer.headers["x-kong-llm-model"]).toBe("openai/gpt-4o-mini");
    }
    expect(names()).toEqual(["a", "b", "b", "b", "b", "b"]);
    stack.simulator.behave({ match: { path: "/b/*" }, behaviour: { resetBeforeHeaders: true } });
    const answer = await stack.send({ path: "/cooling", body: hello });
    expect(answer.headers["x-kong-llm-model"]).toBe("openai/gpt-4o");
  });

  it("do not matter to total_timeout, which bounds all attempts and the whole answer", async () => {
    stack.simulator.behave({ behaviour: { hang: true } });
    const waited = await stack.send({ path: "/hurried", body: hello });
    expect(waited.status).toBe(504);
    const { ai } = await waited.record();
    expect(ai?.proxy.tried_targets).toMatchObject([{ failure: "total_timeout", failure_kind: "timeout" }]);
    stack.simulator.reset();
    stack.simulator.behave({ behaviour: { stallAfterChunks: 3 } });
    const { text, headers } = await readStream(`${stack.url}/hurried`, { ...hello, stream: true });
    expect(text).toContain('"code":"upstream_timeout"');
    expect(text).not.toContain("[DONE]");
    const record = await stack.recordOf(String(headers["x-kong-request-id"]));
    expect(record.ai?.proxy.tried_targets).toMatchObject([{ status: 200, failure: "total_timeout" }]);
  });

  it("are not looked for once a stream that is not held back has begun", async () => {
    stack.simulator.behave({ behaviour: { cutAfterChunks: 1 } });
    const { text } = await readStream(`${stack.url}/unheld`, { ...hello, stream: true });
    expect(text).toContain("stream_cut");
    expect(names()).toHaveLength(1);
  });
});

async function triedStatuses(answer: Answer): Promise<readonly (number | undefined)[]> {
  const { ai } = await answer.record();
  return (ai?.proxy.tried_targets ?? []).map(({ status }) => status);
}
