/** What is measured of every side. */
import { pauseMs, slowWord } from "./upstream.ts";

export interface Scenario {
  readonly name: string;
  /** What it tells, as a heading. */
  readonly title: string;
  readonly connections: number;
  readonly stream: boolean;
  /** Whether the upstream pauses between chunks. */
  readonly slow: boolean;
  /** Answers each side gives before anything is counted, so that its hot code is compiled; bounded by `warmUpLimitMs`. */
  readonly warmUpAnswers: number;
  /** What the table shows. */
  readonly shows: "throughput" | "latency" | "stream" | "slow stream";
}

/** Chunks with content in a stream of the upstream's; the first, with the role, the last and `[DONE]` come on top. */
export const chunksPerStream = 50;

/** About how long a slow stream takes. */
export const slowStreamMs = chunksPerStream * pauseMs;

export const scenarios: readonly Scenario[] = [
  {
    name: "json-64",
    title: "Whole answers, 64 connections",
    connections: 64,
    stream: false,
    slow: false,
    warmUpAnswers: 15_000,
    shows: "throughput",
  },
  {
    name: "json-1",
    title: "Whole answers, one connection",
    connections: 1,
    stream: false,
    slow: false,
    warmUpAnswers: 300,
    shows: "latency",
  },
  {
    name: "stream-16",
    title: "Streams, 16 at once, as fast as they go",
    connections: 16,
    stream: true,
    slow: false,
    warmUpAnswers: 1_500,
    shows: "stream",
  },
  {
    name: "stream-16-slow",
    title: "Streams, 16 at once, 5 ms between chunks",
    connections: 16,
    stream: true,
    slow: true,
    warmUpAnswers: 64,
    shows: "slow stream",
  },
];

/** Whole requests of a scenario, one for each prompt. */
export function requestsOf(
  { stream, slow }: Scenario,
  prompts: readonly string[],
  { port, headers }: { readonly port: number; readonly headers: Readonly<Record<string, string>> },
): readonly Buffer[] {
  const fixed = {
    host: `127.0.0.1:${port}`,
    "content-type": "application/json",
    accept: "*/*",
    authorization: "Bearer benchmark",
    ...headers,
  };
  const lines = Object.entries(fixed).map(([name, value]) => `${name}: ${value}\r\n`);
  return prompts.map((prompt) => {
    const content = slow ? `${prompt} Answer ${slowWord}.` : prompt;
    // A model in the request would be refused by a gateway that chooses; one without it by the peer: `auto` is any.
    const body = JSON.stringify({
      model: "auto",
      messages: [{ role: "user", content }],
      temperature: 0.7,
      ...(stream && { stream: true }),
    });
    const head = `POST /v1/chat/completions HTTP/1.1\r\n${lines.join("")}content-length: ${Buffer.byteLength(body)}\r\n\r\n`;
    return Buffer.from(head + body);
  });
}
