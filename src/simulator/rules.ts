/** Behaviours laid down while the simulator runs, since a gateway does not pass a client's headers on. */
import { isJsonObject } from "../llm/json.ts";
import { type Behaviour, parseBehaviour } from "./behaviour.ts";

export interface BehaviourRule {
  /** All that are given must fit; a trailing `*` stands for any rest. Absent: every request. */
  readonly match?: { readonly model?: string; readonly path?: string };
  readonly behaviour: Behaviour;
  /** How many requests it is good for. Absent: until withdrawn. */
  readonly times?: number;
}

export interface BehaviourRules {
  /** Adds a rule behind the others; returns how to withdraw it. */
  add(rule: BehaviourRule): () => void;
  /** The behaviour of the oldest rule that fits and has not been used up; counts the use. */
  take(request: { readonly model: string | undefined; readonly path: string }): Behaviour | undefined;
  /** The rules that are not used up, with the uses left. */
  list(): readonly BehaviourRule[];
  clear(): void;
}

export function createRules(): BehaviourRules {
  let entries: { readonly rule: BehaviourRule; left: number }[] = [];
  return {
    add(rule) {
      const entry = { rule, left: rule.times ?? Number.POSITIVE_INFINITY };
      entries.push(entry);
      return () => {
        entries = entries.filter((other) => other !== entry);
      };
    },
    take(request) {
      const entry = entries.find(({ rule, left }) => left > 0 && fits(rule, request));
      if (entry === undefined) return undefined;
      entry.left -= 1;
      if (entry.left === 0) entries = entries.filter((other) => other !== entry);
      return entry.rule.behaviour;
    },
    list: () => entries.map(({ rule, left }) => (Number.isFinite(left) ? { ...rule, times: left } : rule)),
    clear() {
      entries = [];
    },
  };
}

/** Checks a rule from outside (JSON). Throws a `TypeError` that says what is wrong and what is expected. */
export function parseRule(value: unknown): BehaviourRule {
  if (!isJsonObject(value))
    throw new TypeError('a rule is an object: {"match": {"model"?, "path"?}, "behaviour": {…}, "times"?}');
  refuseOthers(value, ["match", "behaviour", "times"], "rule");
  const { match, times } = value;
  if (times !== undefined && !(typeof times === "number" && Number.isSafeInteger(times) && times >= 1)) {
    throw new TypeError(`"times" takes a whole number of at least 1, not ${JSON.stringify(times)}`);
  }
  return {
    behaviour: parseBehaviour(value["behaviour"]),
    ...(match === undefined ? {} : { match: parseMatch(match) }),
    ...(times === undefined ? {} : { times }),
  };
}

function parseMatch(value: unknown): { model?: string; path?: string } {
  if (!isJsonObject(value))
    throw new TypeError('"match" is an object: {"model"?: "gpt-4o*", "path"?: "/v1/chat/*"}');
  refuseOthers(value, ["model", "path"], "match");
  const entries = Object.entries(value).map(([name, pattern]): [string, string] => {
    if (typeof pattern !== "string")
      throw new TypeError(`"match.${name}" takes a text, not ${JSON.stringify(pattern)}`);
    return [name, pattern];
  });
  return Object.fromEntries(entries);
}

function refuseOthers(value: object, known: readonly string[], place: string): void {
  const stranger = Object.keys(value).find((name) => !known.includes(name));
  if (stranger !== undefined)
    throw new TypeError(`unknown key "${stranger}" in ${place}: there are ${known.join(", ")}`);
}

function fits(
  { match }: BehaviourRule,
  request: { readonly model: string | undefined; readonly path: string },
): boolean {
  return fitsPattern(match?.model, request.model) && fitsPattern(match?.path, request.path);
}

function fitsPattern(pattern: string | undefined, value: string | undefined): boolean {
  if (pattern === undefined) return true;
  if (value === undefined) return false;
  return pattern.endsWith("*") ? value.startsWith(pattern.slice(0, -1)) : value === pattern;
}
