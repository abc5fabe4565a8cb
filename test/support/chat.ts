/** One chat request through the proxy, with an upstream that answers as a test says. */
import type { Balancer, Outcome } from "../../src/balancer/balancer.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { isBodyStream, type Reply } from "../../src/http/reply.ts";
import { proxyChat } from "../../src/proxy/chat-proxy.ts";
import type { ProxyTarget } from "../../src/proxy/target.ts";
import { type CollectingSink, createCollectingSink } from "./body-streams.ts";
import { createExchange, type ExchangeFacts } from "./exchange.ts";
import { createFakeUpstream, type FakeAnswer, type FakeUpstream } from "./fake-upstream.ts";
import { createProxySettings, type SettingsFacts } from "./proxy-targets.ts";

export interface ChatFacts extends SettingsFacts, Omit<ExchangeFacts, "now"> {
  readonly answers: readonly (FakeAnswer | Error)[];
  /** Milliseconds; default: stands still. */
  readonly now?: () => number;
}

export interface Observed extends Outcome {
  readonly target: string;
}

export interface Chat {
  readonly exchange: Exchange;
  readonly upstream: FakeUpstream;
  /** What the balancer was told. */
  readonly observed: readonly Observed[];
  readonly reply: Promise<Reply>;
}

export const hello = { messages: [{ role: "user", content: "hello there world" }] };

export function startChat(targets: readonly ProxyTarget[], facts: ChatFacts): Chat {
  const { answers, now = () => 0, body = hello, headers, query, signal, ...settingsFacts } = facts;
  const exchange = createExchange({
    body,
    now,
    ...(headers && { headers }),
    ...(query && { query }),
    ...(signal && { signal }),
  });
  const upstream = createFakeUpstream(answers);
  const observed: Observed[] = [];
  const settings = createProxySettings(targets, settingsFacts);
  const balancer = watch(settings.balancer, observed);
  const services = { now, wallClock: () => 1_700_000_000_000, upstream };
  return { exchange, upstream, observed, reply: proxyChat(exchange, { ...settings, balancer }, services) };
}

function watch(balancer: Balancer, observed: Observed[]): Balancer {
  return {
    prepare: (candidates, request) => balancer.prepare?.(candidates, request),
    pick: (candidates, request) => balancer.pick(candidates, request),
    observe(target, outcome) {
      observed.push({ target: target.name, ...outcome });
      balancer.observe?.(target, outcome);
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
