/** One chat request through the proxy, with an upstream that answers as a test says. */
import type { Outcome, Spent } from "../../src/balancer/balancer.ts";
import type { TargetPool } from "../../src/balancer/pool.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { isBodyStream, type Reply } from "../../src/http/reply.ts";
import type { CountTokens } from "../../src/llm/token-counter.ts";
import type { ChatProxySettings } from "../../src/proxy/chat-call.ts";
import { proxyChat } from "../../src/proxy/chat-proxy.ts";
import type { ProxyTarget } from "../../src/proxy/target.ts";
import { type CollectingSink, createCollectingSink } from "./body-streams.ts";
import { countWords } from "./count-words.ts";
import { createExchange, type ExchangeFacts } from "./exchange.ts";
import type { FakeClock } from "./fake-clock.ts";
import { createFakeUpstream, type FakeAnswer, type FakeUpstream } from "./fake-upstream.ts";
import { createProxySettings, type SettingsFacts } from "./proxy-targets.ts";

export interface ChatFacts extends SettingsFacts, Omit<ExchangeFacts, "now"> {
  readonly answers: readonly (FakeAnswer | Error)[];
  /** Milliseconds; default: stands still. */
  readonly now?: () => number;
  /** For `total_timeout`, held streams and the pool, in place of `now`. */
  readonly clock?: FakeClock;
  /** Default: tokens are words. */
  readonly countTokens?: CountTokens;
  /** In place of `answers`. */
  readonly upstream?: FakeUpstream;
}

export interface Observed extends Outcome {
  readonly target: string;
}

export interface Chat {
  readonly exchange: Exchange;
  readonly settings: ChatProxySettings;
  readonly upstream: FakeUpstream;
  /** What the leases were ended with, in order, each time they were. */
  readonly observed: readonly Observed[];
  readonly reply: Promise<Reply>;
}

export const hello = { messages: [{ role: "user", content: "hello there world" }] };

export function startChat(targets: readonly ProxyTarget[], facts: ChatFacts): Chat {
  const { answers, clock, body = hello, headers, id, query, signal, ...others } = facts;
  const {
    now = clock?.now ?? (() => 0),
    upstream = createFakeUpstream(answers),
    countTokens = countWords,
    ...settingsFacts
  } = others;
  const exchange = createExchange({
    body,
    now,
    ...(id !== undefined && { id }),
    ...(headers && { headers }),
    ...(query && { query }),
    ...(signal && { signal }),
  });
  const observed: Observed[] = [];
  const schedule = clock?.schedule ?? (() => () => undefined);
  const settings = createProxySettings(targets, settingsFacts, { now, schedule });
  const services = { now, wallClock: () => 1_700_000_000_000, upstream, schedule, countTokens };
  const watched = { ...settings, pool: watch(settings.pool, observed) };
  return { exchange, upstream, observed, settings, reply: proxyChat(exchange, watched, services) };
}

/** Notes what every lease is ended with, each time it is. */
function watch(pool: TargetPool<ProxyTarget>, observed: Observed[]): TargetPool<ProxyTarget> {
  return {
    ...pool,
    open(candidates, request) {
      const attempts = pool.open(candidates, request);
      return {
        next(wanted) {
          const lease = attempts.next(wanted);
          if (lease === undefined) return undefined;
          const end: typeof lease.end = (outcome, counting) => {
            const note = (spent?: Spent) =>
              void observed.push({ target: lease.target.name, ...outcome, ...spent });
            if (counting === undefined) note();
            else void counting.then(note);
            lease.end(outcome, counting);
          };
          return { target: lease.target, end };
        },
        get retryInMs() {
          return attempts.retryInMs;
        },
      };
    },
  };
}

/** Starts to read a reply's body; whole bodies are over at once. */
export function readReply(reply: Reply) {
  const sink: CollectingSink = createCollectingSink();
  if (isBodyStream(reply.body)) return { sink, flow: reply.body.start(sink) };
  sink.write(reply.body ?? "");
  sink.end();
  return { sink, flow: { resume: () => undefined, cancel: () => undefined } };
}

/** The JSON of a whole reply. */
export function jsonOf(reply: Reply) {
  return JSON.parse(readReply(reply).sink.text);
}
