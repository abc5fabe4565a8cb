/** The decision as the gateway makes it, with its descriptions kept in each of the stores. */
import type { Router } from "../decision/balancer.ts";
import { createRouter } from "../decision/balancer.ts";
import { subjects } from "../decision/subjects.ts";
import { type Calls, measureCalls } from "../measuring/calls.ts";
import type { Round, Watched } from "../measuring/rounds.ts";
import { measureInTurn } from "../measuring/turns.ts";
import { createPrompts } from "../prompts.ts";
import { type Counted, counted, sumOf } from "./counted.ts";
import type { StoreSide } from "./sides.ts";

export const groupCounts = [3, 30] as const;

/** Distinct and sent in turn; more than the 8192 the cache of vectors holds, so that none is found there. */
const unseenCount = 20_000;
/** Few enough to stay cached. */
const cachedCount = 256;
const catchall = "CATCHALL";

export interface Decisions {
  readonly unseen: Calls;
  readonly cached: Calls;
}

/** All routers, ready to be measured in turns. */
export interface DecisionBench {
  measure(round: number, forMs: number): Promise<DecisionRound>;
  /** What the stores have been asked so far, by method. */
  storeCalls(): ReadonlyMap<string, number>;
  /** Removes what was stored. */
  close(): Promise<void>;
}

/** By number of groups. */
export type DecisionRound = ReadonlyMap<number, Round<Decisions & Watched>>;

interface Subject {
  readonly name: string;
  readonly groups: number;
  readonly router: Router;
  readonly counts: Counted;
  /** Place of the next prompt never seen before. */
  next: number;
}

export async function createDecisionBench(sides: readonly StoreSide[]): Promise<DecisionBench> {
  const prompts = createPrompts(unseenCount);
  const [cachedOnes, unseenOnes] = [prompts.slice(0, cachedCount), prompts.slice(cachedCount)];
  const inTurn = (list: readonly string[], place: number) => list[place % list.length] ?? "";
  const subjectList: Subject[] = [];
  for (const groups of groupCounts)
    for (const side of sides) subjectList.push(await createSubject(side, groups));

  async function measureOne(subject: Subject, forMs: number): Promise<Decisions> {
    const { router } = subject;
    const unseen = await measureCalls(
      () => requireCached(router.decide(inTurn(unseenOnes, subject.next++)), false),
      { atOnce: 1, forMs },
    );
    for (const prompt of cachedOnes) router.decide(prompt);
    let next = 0;
    const cached = await measureCalls(() => requireCached(router.decide(inTurn(cachedOnes, next++)), true), {
      atOnce: 1,
      forMs,
    });
    requireKept(subject);
    return { unseen, cached };
  }

  return {
    async measure(round, forMs) {
      const results = new Map<number, Round<Decisions & Watched>>();
      for (const groups of groupCounts) {
        const own = subjectList.filter((subject) => subject.groups === groups);
        results.set(groups, await measureInTurn(own, round, (subject) => measureOne(subject, forMs)));
      }
      return results;
    },
    storeCalls: () => sumOf(subjectList.map(({ counts }) => counts.calls)),
    async close() {
      for (const { router } of subjectList) await router.close();
    },
  };
}

async function createSubject(side: StoreSide, groups: number): Promise<Subject> {
  const counts = counted(side.open());
  const { isRemote } = side;
  const kept = { store: counts.store, isRemote, owner: `benchmark-decision-${groups}` };
  const router = await createRouter([...subjects.slice(0, groups - 1), catchall], kept);
  const subject: Subject = { name: side.name, groups, router, counts, next: 0 };
  requireKept(subject);
  return subject;
}

/** A router whose store is away decides all the same, but would not be what is to be measured. */
function requireKept({ router, name }: Subject): void {
  const { state, reason, failures } = router.health();
  if (state !== "up" || failures > 0)
    throw new Error(`${name} does not keep the vectors: ${reason ?? state}`);
}

function requireCached(decision: ReturnType<Router["decide"]>, isCached: boolean): void {
  if (decision.embedding?.cached !== isCached)
    throw new Error(`a prompt was ${isCached ? "not " : ""}cached`);
}
