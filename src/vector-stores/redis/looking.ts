/** Looking into a search structure, and knowing whether what it shows is all there is. */

import type { Command } from "../../redis/connection.ts";
import { isWrongType } from "../../redis/failures.ts";
import type { Call } from "../../redis/link.ts";
import { listOf, textOf } from "../../redis/reply.ts";
import { StoreError } from "../../util/store-error.ts";
import type { Namespace } from "../vector-store.ts";
import { answerOf, type Engine, type Finding, type Outcome, type Search } from "./engine.ts";
import { manifestKey } from "./keys.ts";
import { type Content, corrupt, type Head, headFrom, readHead } from "./manifest.ts";

export interface Look {
  /** Of the manifest after the query: when it is another than the one asked for, the finding tells nothing. */
  readonly digest: string | undefined;
  /** Only to be had when the digest is the one asked for. */
  readonly finding: () => Finding;
}

export function send(call: Call, command: Command): Promise<unknown> {
  return call.connection.send(command, call.signal);
}

/** Sends commands together and tells how each ended. */
export function sendAll(call: Call, commands: readonly Command[]): Promise<Outcome[]> {
  return Promise.allSettled(commands.map((command) => send(call, command)));
}

/** One round trip: the query, and behind it the digest, so that a write between the two is noticed. */
export async function look(
  call: Call,
  engine: Engine,
  { namespace, content, search }: { namespace: Namespace; content: Content; search: Search },
): Promise<Look> {
  const query = engine.query(namespace, content, search);
  const answers = await sendAll(call, [...query, ["HGET", manifestKey(namespace), "digest"]]);
  // A node of a cluster that does not own our keys says so here, whatever its own index may have answered.
  const digest = textOf(answerOf(answers.at(-1)));
  return { digest, finding: () => engine.finding(namespace, content, search, answers.slice(0, -1)) };
}

/** True when what was not found may yet come: the index was made anew, or is being filled. */
export async function mayYetCome(
  call: Call,
  engine: Engine,
  { dimensions }: Content,
  finding: Finding,
): Promise<boolean> {
  const ask = (command: Command) => send(call, command);
  if (finding.kind === "missing") {
    await engine.prepare(ask, dimensions);
    return true;
  }
  return engine.isSettling(ask, dimensions);
}

/** Undefined when the namespace is missing; throws as `corrupt`. */
export async function fetchHead(call: Call, namespace: Namespace): Promise<Head | undefined> {
  return headFrom(namespace, listOf(await send(call, readHead(namespace))));
}

/** The same, where a manifest that cannot be used is about to be overwritten. */
export function usableHead(namespace: Namespace, answer: Outcome | undefined): Head | undefined {
  if (answer?.status === "rejected" && isWrongType(answer.reason)) return undefined;
  try {
    return headFrom(namespace, listOf(answerOf(answer)));
  } catch (error) {
    if (error instanceof StoreError && error.kind === "corrupt") return undefined;
    throw error;
  }
}

/** The search structure has lost something for good. */
export function incomplete(namespace: Namespace, finding: Finding): StoreError {
  const reason =
    finding.kind === "short"
      ? `a search finds ${finding.found} of ${finding.expected} vectors`
      : "there is nothing to search in";
  return corrupt(namespace, reason);
}
