/** How the workers of one gateway hear of each other's targets: each tells the primary, which passes it on. */
import { gatherMs } from "../../shared-state/exchange.ts";
import type { Listener, StateChannel } from "../../shared-state/state-channel.ts";
import type { StateNews, StateReport } from "./messages.ts";

export interface SiblingChannel extends StateChannel {
  /** Something has come from the primary. */
  take(news: StateNews): void;
}

/** In a worker. What comes before it is open waits. */
export function createSiblingChannel(now: () => number, post: (report: StateReport) => void): SiblingChannel {
  let listener: Listener | undefined;
  const waiting: StateNews[] = [];

  function pass(to: Listener, news: StateNews): void {
    if (news.kind === "gone") {
      to.gone(news.owner, news.peer);
      return;
    }
    const { owner, report, clock, ageMs } = news;
    to.heard(owner, { ...report, clockOffsetMs: now() - ageMs - clock });
  }

  return {
    delayMs: gatherMs,
    open(opened) {
      listener = opened;
      for (const news of waiting.splice(0)) pass(opened, news);
    },
    tell: (owner, report) => post({ owner, report, clock: now() }),
    take(news) {
      if (listener === undefined) waiting.push(news);
      else pass(listener, news);
    },
    close: async () => undefined, // it lives as long as the process
  };
}

/** Somebody who takes news. */
export interface NewsTaker {
  hear(news: StateNews): void;
}

export interface ReportRelay<Taker extends NewsTaker> {
  /** Tells a worker all there is to know; from then on it gets what the others say. */
  add(taker: Taker): void;
  /** Passes a worker's report on to the others. */
  report(from: Taker, report: StateReport): void;
  /** A worker has ended: the others are told, and what it had counted is kept for those that come. */
  remove(taker: Taker): void;
}

interface Last extends StateReport {
  readonly at: number;
}

/** Reports of workers that have ended are passed to new ones for so long; a choice, as long as they are believed. */
const keepMs = 3_600_000;

/** In the primary. */
export function createReportRelay<Taker extends NewsTaker>(now: () => number): ReportRelay<Taker> {
  /** By worker, then by owner. */
  const serving = new Map<Taker, Map<string, Last>>();
  let ended: { readonly last: Last; readonly endedAt: number }[] = [];

  function others(taker: Taker): readonly Taker[] {
    return [...serving.keys()].filter((other) => other !== taker);
  }

  function newsOf({ owner, report, clock, at }: Last): StateNews {
    return { kind: "report", owner, report, clock, ageMs: now() - at };
  }

  return {
    add(taker) {
      ended = ended.filter(({ endedAt }) => now() - endedAt < keepMs);
      for (const { last } of ended) {
        taker.hear(newsOf(last));
        taker.hear({ kind: "gone", owner: last.owner, peer: last.report.peer });
      }
      for (const reports of serving.values()) for (const last of reports.values()) taker.hear(newsOf(last));
      serving.set(taker, new Map());
    },
    report(from, told) {
      const reports = serving.get(from);
      if (reports === undefined) return; // it has ended meanwhile
      const last = { ...told, at: now() };
      reports.set(told.owner, last);
      for (const other of others(from)) other.hear(newsOf(last));
    },
    remove(taker) {
      const reports = [...(serving.get(taker)?.values() ?? [])];
      serving.delete(taker);
      ended.push(...reports.map((last) => ({ last, endedAt: now() })));
      for (const { owner, report } of reports)
        for (const other of serving.keys()) other.hear({ kind: "gone", owner, peer: report.peer });
    },
  };
}
