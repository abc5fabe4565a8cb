/**
 * What lies in the server, and the script that reads and writes it. Three keys of an owner share a hash tag, so that in
 * a cluster they are in one slot: each process's last report, the order in which they came, and how many came in all.
 * The server's clock tells how old a report is, so that the clocks of processes and machines need not agree.
 */
import { createHash } from "node:crypto";
import type { Connection } from "../../redis/connection.ts";
import { ErrorAnswer } from "../../redis/failures.ts";
import { listOf, numberOf, textOf } from "../../redis/reply.ts";
import type { Report } from "../state-channel.ts";

/** The number is the format's: another format never meets this one's data. */
export const statePrefix = "{sluice:state:1:";

/** HASH of reports by peer, ZSET of peers by the number of their change, and the number of changes. */
export function keysOf(owner: string): readonly [string, string, string] {
  const base = `${statePrefix}${nameOf(owner)}}:`;
  return [`${base}reports`, `${base}order`, `${base}changes`];
}

/** Ids may be any text; a brace would end the hash tag. */
function nameOf(owner: string): string {
  return /^[\w:.-]{1,64}$/.test(owner)
    ? owner
    : createHash("sha256").update(owner).digest("hex").slice(0, 32);
}

export interface Exchange {
  readonly owner: string;
  /** Told, unless undefined. */
  readonly report: Report | undefined;
  /** The teller's monotonic milliseconds as of now. */
  readonly clock: number;
  /** The result's of the last time; 0: everything is news. */
  readonly position: number;
  /** Reports older than that are removed. */
  readonly keepMs: number;
}

export interface News {
  readonly report: Report;
  /** The teller's clock when it told. */
  readonly clock: number;
  /** Since it told, by the server's clock. */
  readonly ageMs: number;
}

export interface ExchangeResult {
  readonly position: number;
  readonly news: readonly News[];
}

/**
 * Tells, unless there is nothing to tell; removes what is too old; answers with the time, the number of changes, and the
 * peers and reports that have changed since. A report is stored behind the server's time at which it came.
 */
const script = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local keep = tonumber(ARGV[4])
if ARGV[2] ~= '' then
  local change = redis.call('INCR', KEYS[3])
  redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. ARGV[2])
  redis.call('ZADD', KEYS[2], change, ARGV[1])
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, keep) end
  local first = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  local told = redis.call('HGET', KEYS[1], first)
  if not told or now - tonumber(string.match(told, '^%d+')) > keep then
    redis.call('HDEL', KEYS[1], first)
    redis.call('ZREM', KEYS[2], first)
  end
end
local changes = redis.call('GET', KEYS[3]) or '0'
local peers = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[3], '+inf')
local reports = {}
for at, peer in ipairs(peers) do reports[at] = redis.call('HGET', KEYS[1], peer) or '' end
return {tostring(now), changes, peers, reports}
`;

const digest = createHash("sha1").update(script).digest("hex");

export async function runScript(
  connection: Connection,
  { owner, report, clock, position, keepMs }: Exchange,
  signal: AbortSignal,
): Promise<ExchangeResult> {
  const told = report === undefined ? "" : `${report.number} ${clock.toFixed(3)} ${report.rows}`;
  const rest = ["3", ...keysOf(owner), report?.peer ?? "", told, String(position), String(keepMs)];
  return resultOf(
    await connection.send(["EVALSHA", digest, ...rest], signal).catch((error: unknown) => {
      if (!(error instanceof ErrorAnswer) || !error.message.startsWith("NOSCRIPT")) throw error;
      return connection.send(["EVAL", script, ...rest], signal);
    }),
  );
}

function resultOf(reply: unknown): ExchangeResult {
  const [now, changes, peers, reports] = listOf(reply);
  const serverNow = numberOf(now) ?? 0;
  const texts = listOf(reports).map(textOf);
  const news = listOf(peers).flatMap((peer, at) => newsOf(textOf(peer), texts[at], serverNow));
  return { position: numberOf(changes) ?? 0, news };
}

/** `time number clock rows`; what reads otherwise is nothing of ours. */
function newsOf(peer: string | undefined, text: string | undefined, serverNow: number): readonly News[] {
  const match = /^(\d+) (\d+) (-?[\d.]+) (.*)$/s.exec(text ?? "");
  if (peer === undefined || match === null) return [];
  const [, time, number, clock, rows = ""] = match;
  return [
    {
      report: { peer, number: Number(number), rows },
      clock: Number(clock),
      ageMs: Math.max(0, serverNow - Number(time)),
    },
  ];
}
