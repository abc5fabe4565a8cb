/**
 * What lies in the server, and the script that reads and writes it. A counter is one hash: for each process, what that
 * process has counted in all, as `window current previous`. A process replaces its own entry as a whole; so a call may be
 * lost or come twice, and nothing is counted wrongly. All counters of an owner share a hash tag: in a cluster they are in
 * one slot. The server's clock says which window runs.
 */
import { createHash } from "node:crypto";
import type { Connection } from "../../redis/connection.ts";
import { ErrorAnswer } from "../../redis/failures.ts";
import { listOf, numberOf } from "../../redis/reply.ts";
import type { Ask, Counter } from "../counters.ts";
import type { Tally } from "../window.ts";

/** The number is the format's: another format never meets this one's data. */
export const budgetPrefix = "{sluice:budget:1:";

export function redisKeyOf(owner: string, key: string): string {
  return `${budgetPrefix}${owner}}:${key}`;
}

/** Names may be any text; a brace would end the hash tag. */
export function redisOwnerOf(namespace: string): string {
  return /^[\w:./-]{1,64}$/.test(namespace)
    ? namespace
    : createHash("sha256").update(namespace).digest("hex").slice(0, 32);
}

export interface ScriptCall {
  readonly owner: string;
  /** This process. */
  readonly peer: string;
  readonly counters: readonly { readonly counter: Counter; readonly own: Tally }[];
  /** Decided in this order; their counters are among the above. */
  readonly asks: readonly Ask[];
  /** The process counts no more; the server knows all it has counted. */
  readonly isEnding: boolean;
}

export interface ScriptResult {
  /** The server's, milliseconds since 1970. */
  readonly atMs: number;
  /** By counter: what all other processes have counted. */
  readonly others: readonly Tally[];
  /** By ask. */
  readonly decisions: readonly {
    readonly isGranted: boolean;
    readonly hasRoom: readonly boolean[];
    /** By claim, before it. */
    readonly used: readonly number[];
  }[];
}

/**
 * Takes this process's counts, adds those of the others, decides about each ask by the rule of `decide`, and stores this
 * process's counts with what was reserved. Entries that no window needs any more are removed. One that ends adds its entry
 * to that of all that have ended; where it has none any more, that has been done.
 */
const script = `
local input = cjson.decode(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function rolled(window, current, previous, seen)
  if seen <= window then return current, previous end
  if seen == window + 1 then return 0, current end
  return 0, 0
end
local counters = {}
for at, each in ipairs(input.counters) do
  local size, sliding, own, current, previous = each[1], each[2], each[3], each[4], each[5]
  local window = math.floor(now / size)
  local c = { size = size, window = math.max(window, own), others = 0, othersBefore = 0, weight = 0 }
  if sliding == 1 then c.weight = (size - now % size) / size end
  c.current, c.previous = rolled(own, current, previous, window)
  local entries = redis.call('HGETALL', KEYS[at])
  for i = 1, #entries, 2 do
    local w, n, p = string.match(entries[i + 1], '^(%d+) (%d+) (%d+)$')
    if entries[i] ~= ARGV[1] and w then
      if tonumber(w) < window - 1 then redis.call('HDEL', KEYS[at], entries[i])
      else
        n, p = rolled(tonumber(w), tonumber(n), tonumber(p), window)
        c.others = c.others + n
        c.othersBefore = c.othersBefore + p
      end
    end
  end
  counters[at] = c
end
local decisions = {}
for a, ask in ipairs(input.asks) do
  local used, hasRoom, isTaken = {}, {}, {}
  for i, claim in ipairs(ask.claims) do
    local c = counters[claim[1]]
    used[i] = c.current + c.others + math.floor((c.previous + c.othersBefore) * c.weight)
    hasRoom[i] = used[i] + claim[5] <= claim[2]
  end
  local function all(list)
    for _, i in ipairs(list) do if not hasRoom[i] then return false end end
    return true
  end
  local granted, open, isOpen = all(ask.required), {}, false
  for i, list in ipairs(ask.alternatives) do
    open[i] = all(list) and 1 or 0
    if open[i] == 1 then isOpen = true end
  end
  granted = granted and isOpen
  for i, claim in ipairs(ask.claims) do if not granted and claim[4] == 1 then isTaken[i] = true end end
  if granted then
    for _, i in ipairs(ask.required) do isTaken[i] = true end
    for o, list in ipairs(ask.alternatives) do
      if open[o] == 1 then for _, i in ipairs(list) do isTaken[i] = true end end
    end
  end
  for i, claim in ipairs(ask.claims) do
    if isTaken[i] then
      local c = counters[claim[1]]
      c.current = c.current + claim[3]
    end
  end
  decisions[a] = { granted and 1 or 0, open, used }
end
local told = {}
local function store(key, entry, window, current, previous)
  redis.call('HSET', key, entry, string.format('%.0f %.0f %.0f', window, current, previous))
end
for at, c in ipairs(counters) do
  if not input.ending then
    store(KEYS[at], ARGV[1], c.window, c.current, c.previous)
  elseif redis.call('HDEL', KEYS[at], ARGV[1]) == 1 then
    local w, n, p = string.match(redis.call('HGET', KEYS[at], 'ended') or '', '^(%d+) (%d+) (%d+)$')
    n, p = rolled(tonumber(w or 0), tonumber(n or 0), tonumber(p or 0), c.window)
    store(KEYS[at], 'ended', c.window, c.current + n, c.previous + p)
  end
  redis.call('PEXPIRE', KEYS[at], string.format('%.0f', 2 * c.size + 60000))
  told[at] = { c.window, c.others, c.othersBefore }
end
return { now, told, decisions }
`;

const digest = createHash("sha1").update(script).digest("hex");

export async function runScript(
  connection: Connection,
  { asks, counters, isEnding, owner, peer }: ScriptCall,
  signal: AbortSignal,
): Promise<ScriptResult> {
  const keys = counters.map(({ counter }) => redisKeyOf(owner, counter.key));
  const places = new Map(counters.map(({ counter }, at) => [counter.key, at + 1]));
  const input = JSON.stringify({
    ending: isEnding,
    counters: counters.map(({ counter: { isSliding, sizeMs }, own }) => [
      sizeMs,
      isSliding ? 1 : 0,
      own.window,
      own.current,
      own.previous,
    ]),
    asks: asks.map(({ alternatives, claims, required }) => ({
      claims: claims.map(({ amount, counter, isPenalty, limit, needs }) => [
        places.get(counter.key),
        limit,
        amount,
        isPenalty ? 1 : 0,
        needs,
      ]),
      required: required.map(fromOne),
      alternatives: alternatives.map((list) => list.map(fromOne)),
    })),
  });
  const rest = [String(keys.length), ...keys, peer, input];
  return resultOf(
    await connection.send(["EVALSHA", digest, ...rest], signal).catch((error: unknown) => {
      if (!(error instanceof ErrorAnswer) || !error.message.startsWith("NOSCRIPT")) throw error;
      return connection.send(["EVAL", script, ...rest], signal);
    }),
  );
}

/** Lua's lists begin at one. */
function fromOne(at: number): number {
  return at + 1;
}

function resultOf(reply: unknown): ScriptResult {
  const [now, told, decisions] = listOf(reply);
  const numbers = (list: unknown) => listOf(list).map((value) => numberOf(value) ?? 0);
  return {
    atMs: numberOf(now) ?? 0,
    others: listOf(told).map((row) => {
      const [window = 0, current = 0, previous = 0] = numbers(row);
      return { window, current, previous };
    }),
    decisions: listOf(decisions).map((row) => {
      const [granted, open, used] = listOf(row);
      return {
        isGranted: numberOf(granted) === 1,
        hasRoom: numbers(open).map((value) => value === 1),
        used: numbers(used),
      };
    }),
  };
}
