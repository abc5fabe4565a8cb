/**
 * Every algorithm × every way a target fails: who is tried, what the client gets, what the record says, what the breaker
 * counts. The table is the specification; read it against docs/guide/balancing.md.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Behaviour } from "../../src/simulator/behaviour.ts";
import { refusingPort } from "../support/free-port.ts";
import { type Answer, eventsOf, type Stack, startStack } from "../support/gateway.ts";
import { type ConfigObject, chatUrl, openaiTarget, routesConfig } from "../support/gateway-config.ts";

interface Fault {
  readonly name: string;
  /** How the simulator behaves, or where the target's URL leads instead. */
  readonly cause: Behaviour | ((simulator: string) => string);
  readonly stream?: true;
  /** The word of `failover_criteria` that covers it; undefined: too late for another try. */
  readonly word: string | undefined;
  /** Nothing of the request was sent, so that a POST may go elsewhere without `non_idempotent`. */
  readonly unsent?: true;
  /** What the record says: as the breaker sees it, and exactly. */
  readonly kind: string;
  readonly reason: RegExp;
  /** What the client gets if no other target is tried. */
  readonly status: number;
  readonly counts: "always" | "listed" | "never";
}

const status = (code: number, counts: Fault["counts"]): Fault => ({
  name: `status ${code}`,
  cause: { status: code },
  word: `http_${code}`,
  kind: `http_${code}`,
  reason: new RegExp(`^http_${code}$`),
  status: code,
  counts,
});

// biome-ignore format: a table
const faults: readonly Fault[] = [
  { name: "refused", cause: () => `http://127.0.0.1:${refusingPort}/v1/chat/completions`, word: "error", unsent: true, kind: "error", reason: /^refused$/, status: 502, counts: "always" },
  { name: "unknown name", cause: () => "http://no-such-host.invalid/v1/chat/completions", word: "error", unsent: true, kind: "error", reason: /^dns$/, status: 503, counts: "always" },
  { name: "no TLS there", cause: (url) => `${url.replace("http:", "https:")}/v1/chat/completions`, word: "error", unsent: true, kind: "error", reason: /^tls$/, status: 502, counts: "always" },
  { name: "reset before the head", cause: { resetBeforeHeaders: true }, word: "error", kind: "error", reason: /^(reset|closed)_before_head$/, status: 502, counts: "always" },
  { name: "half a head", cause: { halfHeader: true }, word: "error", kind: "error", reason: /^(reset|closed)_before_head$/, status: 502, counts: "always" },
  { name: "half a head, then silence", cause: { halfHeader: true, hang: true }, word: "timeout", kind: "timeout", reason: /^read_timeout$/, status: 504, counts: "always" },
  { name: "no head at all", cause: { hang: true }, word: "timeout", kind: "timeout", reason: /^read_timeout$/, status: 504, counts: "always" },
  status(403, "never"),
  status(404, "never"),
  status(429, "listed"),
  status(500, "listed"),
  status(502, "listed"),
  status(503, "listed"),
  status(504, "listed"),
  { name: "status 400", cause: { status: 400 }, word: undefined, kind: "http_400", reason: /^http_400$/, status: 400, counts: "never" },
  { name: "wrong JSON", cause: { badJson: true }, word: "invalid_header", kind: "unusable", reason: /^unusable_answer$/, status: 500, counts: "always" },
  { name: "empty body", cause: { emptyBody: true }, word: "invalid_header", kind: "unusable", reason: /^unusable_answer$/, status: 500, counts: "always" },
  { name: "body cut", cause: { cutAfterBytes: 40 }, word: "error", kind: "stream", reason: /^(reset|closed)_after_head$/, status: 502, counts: "always" },
  { name: "stream cut before its first content", stream: true, cause: { cutAfterChunks: 0 }, word: "error", kind: "stream", reason: /^stream_cut$/, status: 502, counts: "always" },
  { name: "stream with an error before its first content", stream: true, cause: { errorAfterChunks: 0 }, word: "error", kind: "stream", reason: /^upstream_stream_error$/, status: 502, counts: "always" },
  { name: "stream silent before its first content", stream: true, cause: { stallAfterChunks: 0 }, word: "timeout", kind: "stream", reason: /^upstream_timeout$/, status: 504, counts: "always" },
  { name: "stream cut after some content", stream: true, cause: { cutAfterChunks: 4 }, word: undefined, kind: "stream", reason: /^stream_cut$/, status: 200, counts: "always" },
  { name: "stream with an error after some content", stream: true, cause: { errorAfterChunks: 4 }, word: undefined, kind: "stream", reason: /^upstream_stream_error$/, status: 200, counts: "always" },
  { name: "stream silent after some content", stream: true, cause: { stallAfterChunks: 4 }, word: undefined, kind: "stream", reason: /^upstream_timeout$/, status: 200, counts: "always" },
];

const everyWord = [
  ...["error", "timeout", "invalid_header", "non_idempotent"],
  ...[403, 404, 429, 500, 502, 503, 504].map((code) => `http_${code}`),
];
const byDefault = ["error", "timeout"];

const algorithms = [
  "round-robin",
  "consistent-hashing",
  "least-connections",
  "lowest-latency",
  "lowest-usage",
  "priority",
  "semantic",
] as const;

const wordLists = [
  ["with every word listed", everyWord],
  ["by default", byDefault],
] as const;

interface Case {
  readonly algorithm: (typeof algorithms)[number];
  readonly fault: Fault;
  readonly words: readonly string[];
  /** Its route, whose plugin has nothing in common with the others'. */
  readonly route: string;
}

const cases: readonly Case[] = algorithms.flatMap((algorithm) =>
  faults.flatMap((fault, number) =>
    wordLists.map(([, words], list) => ({
      algorithm,
      fault,
      words,
      route: `${algorithm}-${number}-${list}`,
    })),
  ),
);

function caseOf(algorithm: string, fault: Fault, words: readonly string[]): Case {
  const found = cases.find(
    (each) => each.algorithm === algorithm && each.fault === fault && each.words === words,
  );
  if (found === undefined) throw new Error("every case has a route");
  return found;
}

/** Only silence is waited for, and that not for long; a busy machine is slow, and not silent. */
const readTimeoutMs = ({ word, kind, reason }: Fault) =>
  word === "timeout" || kind === "timeout" || reason.test("upstream_timeout") ? 1_000 : 30_000;

/** Two targets; a first request goes to `first`, whatever the algorithm, and has the fault there. */
function pluginOf({ algorithm, fault, words }: Case, simulator: string): ConfigObject {
  const { cause } = fault;
  const good = chatUrl(simulator);
  const bad = typeof cause === "function" ? cause(simulator) : chatUrl(simulator, pathOf(fault));
  return {
    targets: [
      openaiTarget(bad, { model: "first", weight: 2, description: "Specialist in python" }),
      openaiTarget(good, { model: "second", weight: 1, description: "CATCHALL" }),
    ],
    balancer: {
      algorithm,
      hash_on_header: "X-User",
      failover_criteria: words,
      connect_timeout: 30_000,
      read_timeout: readTimeoutMs(fault),
      max_fails: 9,
    },
    ...(algorithm === "semantic" && {
      embeddings: { model: { provider: "local" } },
      vectordb: { strategy: "memory", distance_metric: "cosine", threshold: 0.7 },
    }),
  };
}

const pathOf = (fault: Fault) => `fault-${faults.indexOf(fault)}`;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    config: (simulator) =>
      routesConfig(Object.fromEntries(cases.map((each) => [each.route, pluginOf(each, simulator)]))),
    simulator: { models: ["first", "second"] },
  });
  for (const fault of faults) {
    if (typeof fault.cause !== "function")
      stack.simulator.behave({ match: { path: `/${pathOf(fault)}/*` }, behaviour: fault.cause });
  }
});
afterAll(() => stack.close());

interface Tried {
  readonly model: string;
  readonly failure?: string;
  readonly failure_kind?: string;
}

const triedIn = async (answer: Answer): Promise<readonly Tried[]> =>
  (await answer.record()).ai?.proxy.tried_targets ?? [];

/**
 * The answer to a request that went to the first target first. Users whose requests go there are half of all or more, so
 * that one is soon found.
 */
async function askFirst({ route, fault }: Case): Promise<Answer> {
  for (let user = 0; user < 50; user++) {
    const answer = await stack.send({
      path: `/${route}`,
      headers: { "x-user": `user-${user}` },
      body: {
        messages: [{ role: "user", content: "How do I write a Python function?" }],
        stream: fault.stream === true,
      },
    });
    if ((await triedIn(answer))[0]?.model === "first") return answer;
  }
  throw new Error("no request went to the first target");
}

/** Plugins run in the order of the config. */
const failuresOfFirst = (each: Case) =>
  stack.gateway.snapshot.plugins[cases.indexOf(each)]?.plugin.targets?.()[0]?.failures;

const isListed = ({ word }: Fault, words: readonly string[]) => word !== undefined && words.includes(word);

const mayRepeat = (fault: Fault, words: readonly string[]) =>
  isListed(fault, words) && (fault.unsent === true || words.includes("non_idempotent"));

const isCounted = (fault: Fault, words: readonly string[]) =>
  fault.counts === "always" || (fault.counts === "listed" && isListed(fault, words));

/** From the second target, or what is left of the first one's; a stream that went wrong says so and has no `[DONE]`. */
function expectAnswer(answer: Answer, fault: Fault, repeated: boolean): void {
  expect(answer.status).toBe(repeated ? 200 : fault.status);
  // A stream that has not begun fails like a whole answer.
  const hasBegun = fault.stream === true && fault.status === 200;
  const left = hasBegun ? "openai/first" : undefined;
  expect(answer.headers["x-kong-llm-model"]).toBe(repeated ? "openai/second" : left);
  if (!hasBegun && !(repeated && fault.stream === true)) return;
  const events = eventsOf(answer.text);
  expect(events.at(-1) === "[DONE]").toBe(repeated);
  expect(events.some((event) => event.startsWith('{"error"'))).toBe(!repeated);
}

// Together, since some of them wait for a timeout.
describe.concurrent.each(algorithms)("%s", (algorithm) => {
  describe.each(faults)("$name", (fault) => {
    it.each(wordLists)("%s", async (_, words) => {
      const each = caseOf(algorithm, fault, words);
      const answer = await askFirst(each);
      const [first, ...rest] = await triedIn(answer);
      const repeated = mayRepeat(fault, words);
      expect(rest.map(({ model }) => model)).toEqual(repeated ? ["second"] : []);
      expect(first?.failure_kind).toBe(fault.kind);
      expect(first?.failure).toMatch(fault.reason);
      expectAnswer(answer, fault, repeated);
      expect(failuresOfFirst(each)).toBe(isCounted(fault, words) ? 1 : 0);
    });
  });
});
