import { describe, expect, it } from "vitest";
import { createControl } from "../../test/support/control.ts";
import { settled } from "../../test/support/fake-clock.ts";
import { later } from "../../test/support/later.ts";
import { createMemoryConfigStore } from "../../test/support/memory-config-store.ts";
import type { TargetMark } from "../upstreams/upstream-health.ts";
import { createSharedMarks, type MarkHere, type SharedMarks } from "./shared-marks.ts";

const { signal } = new AbortController();

const mark = (health: TargetMark["health"], target = "a:80"): TargetMark => ({
  upstreamId: "u",
  target,
  health,
});
const bodyOf = (content: object) =>
  JSON.stringify({ kind: "target-mark", ...mark("unhealthy"), actor: "them", ...content });
const elsewhere = (body: string) => ({ sender: "another", timeMs: 0, body });

/** A control plane that has opened and looks for news, which it does when half a second has passed. */
async function createWatching(options: Parameters<typeof createControl>[0] = {}) {
  const world = createControl(options);
  await world.control.open();
  world.control.watch();
  const listen = async () => {
    await world.clock.advance(500);
    await settled();
  };
  return { ...world, world, listen };
}

describe("a target that is marked at one gateway", () => {
  it("is marked at the others within half a second, once, in order, with who did it", async () => {
    const here = await createWatching();
    const { control, marked } = createControl({ store: here.store, gateway: "another" });
    expect(await control.mark(mark("unhealthy"), "ada")).toBe(true);
    expect(await control.mark(mark("healthy", "b:80"), "bob")).toBe(true);
    await here.listen();
    await here.listen();
    expect(here.marked).toEqual([
      [mark("unhealthy"), { actor: "ada", gateway: "another" }],
      [mark("healthy", "b:80"), { actor: "bob", gateway: "another" }],
    ]);
    expect(marked).toEqual([
      [mark("unhealthy"), { actor: "ada" }],
      [mark("healthy", "b:80"), { actor: "bob" }],
    ]);
    expect(here.store.reads).toBe(1); // no change of what is configured
  });

  it("is nothing to a gateway that starts later", async () => {
    const store = createMemoryConfigStore();
    store.announceElsewhere(elsewhere(bodyOf({})));
    const { listen, marked } = await createWatching({ store });
    await listen();
    expect(marked).toEqual([]);
  });

  it("that does not run there is told to nobody", async () => {
    const { control, store } = await createWatching({ markHere: async () => false });
    expect(await control.mark(mark("unhealthy"), "ada")).toBe(false);
    expect((await store.news(0, signal)).last).toBe(0);
  });

  it("while the store is away is marked there all the same, and whoever did it is told", async () => {
    const { control, marked, store, world } = await createWatching();
    store.failure = new Error("sqlite at x: no answer");
    await expect(control.mark(mark("unhealthy"), "ada")).rejects.toThrow(
      "it is marked in this gateway, and others on the database may not hear of it: sqlite at x: no answer",
    );
    expect(marked).toHaveLength(1);
    store.failure = undefined;
    world.refusal = new Error("no worker serves at the moment");
    await expect(control.mark(mark("unhealthy"), "ada")).rejects.toThrow("no worker serves");
    expect((await store.news(0, signal)).last).toBe(0);
    world.refusal = undefined;
    expect(await control.mark(mark("unhealthy"), "ada")).toBe(true);
  });

  it("is heard of after an outage, and after the configuration that has it", async () => {
    const { control, listen, marked, store, log } = await createWatching();
    store.announceElsewhere(elsewhere(bodyOf({})));
    store.failure = new Error("disk is gone");
    await listen();
    expect([marked, control.outage]).toEqual([[], "disk is gone"]);
    store.failure = undefined;
    store.writeElsewhere({});
    await listen();
    expect(marked).toHaveLength(1);
    expect(log.lines.at(-1)?.message).toBe("configuration changed by another gateway");
  });
});

describe("what another gateway announces", () => {
  it.each([
    ["no JSON", "{"],
    ["nothing", "null"],
    ["something else", bodyOf({ kind: "target-drain" })],
    ["another health", bodyOf({ health: "sleepy" })],
    ["no target", bodyOf({ target: undefined })],
  ])("of %s is left out, with a warning, and what follows is not", async (_, body) => {
    const { listen, log, marked, store } = await createWatching();
    store.announceElsewhere(elsewhere(body));
    store.announceElsewhere(elsewhere(bodyOf({ since: "a later version" })));
    await listen();
    await listen();
    expect(marked).toEqual([[mark("unhealthy"), { actor: "them", gateway: "another" }]]);
    const warnings = log.lines.filter(({ level }) => level === "warn");
    expect(warnings).toMatchObject([{ facts: { gateway: "another", number: 1 } }]);
  });

  it("that cannot be done here is in the log", async () => {
    const { listen, log, store, world } = await createWatching();
    world.refusal = new Error("worker 2 has not answered");
    store.announceElsewhere(elsewhere(bodyOf({})));
    await listen();
    expect(log.lines.at(-1)).toMatchObject({
      level: "warn",
      facts: { target: "a:80", gateway: "another", reason: "worker 2 has not answered" },
    });
    const idle = await createWatching({ store, markHere: async () => false });
    store.announceElsewhere(elsewhere(bodyOf({})));
    await idle.listen();
    expect(idle.log.lines.at(-1)?.message).toContain("does not run here");
  });

  it("that the store has no longer, after a long outage, is counted in the log", async () => {
    const { listen, log, store } = await createWatching();
    const { news } = store;
    for (let count = 0; count < 3; count++) store.announceElsewhere(elsewhere(bodyOf({})));
    store.news = async (after, by) => {
      const { announcements, ...more } = await news(after, by);
      return { ...more, announcements: announcements.filter(({ number }) => number > 2) };
    };
    await listen();
    await listen();
    const warnings = log.lines.filter(({ level }) => level === "warn");
    expect(warnings).toMatchObject([
      { message: expect.stringContaining("mark targets again"), facts: { missed: 2 } },
    ]);
  });

  it("is heard from the beginning where the store has been emptied", async () => {
    const { listen, marked, store } = await createWatching();
    store.announceElsewhere(elsewhere(bodyOf({})));
    await listen();
    store.restore(0);
    await listen();
    store.announceElsewhere(elsewhere(bodyOf({})));
    await listen();
    expect(marked).toHaveLength(2);
  });
});

describe("gateways that mark one target at the same time", () => {
  /** Two of them; `heal` and `hurt` are what each says, and `states` what they come to. */
  async function createTwo() {
    const store = createMemoryConfigStore();
    const { log } = createControl();
    const states = ["", ""];
    const gateways = [0, 1].map((index): SharedMarks => {
      const markHere: MarkHere = async ({ health }) => {
        states[index] = health;
        return true;
      };
      return createSharedMarks({ store, gateway: String(index), markHere, log, wallClock: () => 0, signal });
    });
    const [first, second] = gateways as [SharedMarks, SharedMarks]; // two were made
    const hear = async (gateway: SharedMarks) => gateway.hear(await store.news(gateway.after, signal));
    for (const gateway of gateways) await hear(gateway);
    return { first, hear, second, states, store };
  }

  it("come to what was said last, whoever hears the other first", async () => {
    const { first, hear, second, states } = await createTwo();
    await first.mark(mark("healthy"), "ada");
    await second.mark(mark("unhealthy"), "bob");
    await hear(second);
    await hear(first);
    expect(states).toEqual(["unhealthy", "unhealthy"]);
  });

  it("also where one hears of the other while the store has not yet taken its own", async () => {
    const { first, hear, second, states, store } = await createTwo();
    const gate = later<undefined>();
    store.beforeWrite = () => gate.promise;
    const told = first.mark(mark("healthy"), "ada");
    await settled();
    await second.mark(mark("unhealthy"), "bob");
    const heard = hear(first);
    await settled();
    const toldLater = first.mark(mark("healthy"), "eve"); // while it waits
    gate.resolve(undefined);
    await Promise.all([told, heard, toldLater]);
    await hear(first);
    await hear(second);
    expect(states).toEqual(["healthy", "healthy"]);
  });

  it("also where the store was restored from before what one of them has told last", async () => {
    const { first, hear, second, states, store } = await createTwo();
    store.announceElsewhere(elsewhere(bodyOf({ target: "b:80" })));
    await hear(first);
    await first.mark(mark("healthy"), "ada");
    store.restore(0);
    await hear(first);
    await second.mark(mark("unhealthy"), "bob");
    await hear(first);
    await hear(second);
    expect(states).toEqual(["unhealthy", "unhealthy"]);
  });

  it("also where one of them did not hear that the store has taken its own", async () => {
    const { first, hear, second, states, store } = await createTwo();
    await second.mark(mark("healthy"), "bob");
    const { announce } = store;
    store.announce = async (...said) => {
      await announce(...said);
      throw new Error("the line was cut");
    };
    await expect(first.mark(mark("unhealthy"), "ada")).rejects.toThrow(
      "may not hear of it: the line was cut",
    );
    await hear(first);
    await hear(second);
    expect(states).toEqual(["unhealthy", "unhealthy"]);
  });

  it("but for one that nobody else could be told, which holds where it was made over those made there before", async () => {
    const { first, hear, second, states, store } = await createTwo();
    await first.mark(mark("healthy"), "ada");
    store.failure = new Error("disk is gone");
    const cut = [first.mark(mark("healthy"), "ada"), first.mark(mark("unhealthy"), "ada")];
    await Promise.allSettled(cut);
    store.failure = undefined;
    await hear(first);
    await hear(second);
    expect(states).toEqual(["unhealthy", "healthy"]);
    await second.mark(mark("healthy"), "bob");
    await hear(first);
    expect(states).toEqual(["healthy", "healthy"]);
  });

  it("in the order in which one of them was told, however slow the store", async () => {
    const { first, hear, second, states, store } = await createTwo();
    const gate = later<undefined>();
    store.beforeWrite = () => gate.promise;
    const told = [first.mark(mark("healthy"), "ada"), first.mark(mark("unhealthy"), "ada")];
    await settled();
    gate.resolve(undefined);
    await Promise.all(told);
    await hear(second);
    expect(states).toEqual(["unhealthy", "unhealthy"]);
  });
});
