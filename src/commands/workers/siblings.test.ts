import { describe, expect, it } from "vitest";
import type { HeardReport } from "../../shared-state/state-channel.ts";
import type { StateNews, StateReport } from "./messages.ts";
import { createReportRelay, createSiblingChannel } from "./siblings.ts";

const report = (peer: string, number = 1): StateReport => ({
  owner: "plugin",
  report: { peer, number, rows: `{"${peer}":[${number}]}` },
  clock: 50,
});

class Worker {
  readonly heard: StateNews[] = [];
  hear = (news: StateNews) => void this.heard.push(news);
  get words(): readonly string[] {
    return this.heard.map((news) =>
      news.kind === "gone" ? `${news.peer} gone` : `${news.report.peer} ${news.report.number} ${news.ageMs}`,
    );
  }
}

function createRelay() {
  let time = 0;
  const relay = createReportRelay<Worker>(() => time);
  const join = () => {
    const worker = new Worker();
    relay.add(worker);
    return worker;
  };
  return { relay, join, pass: (ms: number) => (time += ms) };
}

describe("reports of workers", () => {
  it("are passed on to the others, with the teller's clock", () => {
    const { relay, join } = createRelay();
    const [a, b, c] = [join(), join(), join()];
    relay.report(a, report("a"));
    expect(a.heard).toEqual([]);
    for (const other of [b, c])
      expect(other.heard).toEqual(
        [{ kind: "report", ageMs: 0, ...report("a") }].map((news) => expect.objectContaining(news)),
      );
  });

  it("are told to one that comes later, with their age, the last of each owner", () => {
    const { relay, join, pass } = createRelay();
    const a = join();
    relay.report(a, report("a", 1));
    relay.report(a, report("a", 2));
    relay.report(a, { ...report("a", 3), owner: "another" });
    pass(30);
    expect(join().words).toEqual(["a 2 30", "a 3 30"]);
  });

  it("of one that has ended are told as such, for an hour after its end, however long it had nothing new to tell", () => {
    const { relay, join, pass } = createRelay();
    const [a, b] = [join(), join()];
    relay.report(a, report("a"));
    pass(10_000_000);
    relay.remove(a);
    relay.report(a, report("a", 2)); // was on its way
    expect(b.words).toEqual(["a 1 0", "a gone"]);
    pass(3_599_999);
    expect(join().words).toEqual(["a 1 13599999", "a gone"]);
    pass(1);
    expect(join().words).toEqual([]);
  });
});

describe("a worker's channel to the others", () => {
  function open() {
    const posted: StateReport[] = [];
    const heard: (HeardReport | string)[] = [];
    const channel = createSiblingChannel(
      () => 1_000,
      (told) => posted.push(told),
    );
    const listener = {
      heard: (_owner: string, one: HeardReport) => heard.push(one),
      gone: (owner: string, peer: string) => heard.push(`${owner} ${peer}`),
    };
    return { channel, posted, heard, listen: () => channel.open(listener) };
  }

  it("tells with its own clock", () => {
    const { channel, posted } = open();
    channel.tell("plugin", report("a").report, false);
    expect(posted).toEqual([{ ...report("a"), clock: 1_000 }]);
  });

  it("gives a report the difference of the clocks, and keeps what comes before somebody listens", () => {
    const { channel, heard, listen } = open();
    channel.take({ kind: "report", ageMs: 30, ...report("a") });
    listen();
    channel.take({ kind: "gone", owner: "plugin", peer: "a" });
    // Its clock showed 50 when ours showed 970.
    expect(heard).toEqual([{ ...report("a").report, clockOffsetMs: 920 }, "plugin a"]);
  });
});
