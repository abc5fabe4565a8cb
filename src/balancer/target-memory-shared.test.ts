/** What is remembered of targets, and shared with other processes. */
import { describe, expect, it } from "vitest";
import { createTarget } from "../../test/support/balancing.ts";
import type { Heard, Row } from "./balancer.ts";
import { createTargetMemories, type TargetMemories } from "./target-memory.ts";

const plugin = "plugin";

/** A row that is told, and everything that was heard. */
function share(memories: TargetMemories, row: Row, target = createTarget(0), use = "use") {
  const memory = memories.of(plugin, use);
  memory.of(target, () => ({}));
  const heard: { readonly rows: readonly Heard[]; readonly delayMs: number }[] = [];
  const telling = memory.share(target, {
    tell: () => row,
    hear: (rows, delayMs) => heard.push({ rows, delayMs }),
  });
  return { heard, telling };
}

const of = (rows: Readonly<Record<string, Row>>) => [{ rows, clockOffsetMs: 5, isAlive: true }];

describe("shared memory of targets", () => {
  it("tells of what is held on to, by use and content, and of nothing else", () => {
    const memories = createTargetMemories();
    const [a, b] = [createTarget(0, { id: "a" }), createTarget(1, { id: "b" })];
    share(memories, [1], a);
    share(memories, [2], b);
    share(memories, [3], b, "other use");
    memories.of(plugin, "unshared").of(a, () => ({}));
    expect(memories.tell(plugin)).toEqual({});
    memories.hold(plugin, [a]);
    const letGo = memories.hold(plugin, [b]);
    expect(memories.tell(plugin)).toEqual({ "use a": [1], "use b": [2], "other use b": [3] });
    letGo();
    expect(memories.tell(plugin)).toEqual({ "use a": [1] });
    expect(memories.tell("somebody else")).toEqual({});
  });

  it("passes to each what was told of it, with the teller's clock", () => {
    const memories = createTargetMemories();
    const [a, b] = [createTarget(0, { id: "a" }), createTarget(1, { id: "b" })];
    const first = share(memories, [1], a);
    const second = share(memories, [2], b);
    memories.hold(plugin, [a, b]);
    memories.hear(plugin, [...of({ "use a": [10] }), ...of({ "use a": [20], "use c": [30] })], 7);
    expect(first.heard.at(-1)).toEqual({
      rows: [
        { row: [10], clockOffsetMs: 5, isAlive: true },
        { row: [20], clockOffsetMs: 5, isAlive: true },
      ],
      delayMs: 7,
    });
    expect(second.heard.at(-1)?.rows).toEqual([]);
  });

  it("tells a state that is shared later what was heard before, and one of the same content through its successor", () => {
    const memories = createTargetMemories();
    memories.hear(plugin, of({ "use id-0": [10] }), 7);
    const old = share(memories, [1]);
    expect(old.heard).toHaveLength(1);
    memories.hold(plugin, [createTarget(0)]);
    const next = share(memories, [2]);
    expect(next.heard).toHaveLength(1);
    memories.hear(plugin, [], 0);
    expect(next.heard).toHaveLength(2);
    expect(share(memories, [3]).heard).toEqual([]);
  });

  it("says when there may be something new to tell: changes, holds, and their end", () => {
    const memories = createTargetMemories();
    const changes: string[] = [];
    const target = createTarget(0);
    const { telling } = share(memories, [1], target);
    telling.changed(); // nobody listens yet
    memories.onChange((owner, isUrgent) => changes.push(`${owner}${isUrgent ? " now" : ""}`));
    telling.changed();
    telling.changedNow();
    memories.hold(plugin, [target])();
    expect(changes).toEqual(["plugin", "plugin now", "plugin", "plugin"]);
  });

  it("shares nothing that was not asked for", () => {
    const memory = createTargetMemories().of(plugin, "use");
    expect(() => memory.share(createTarget(0), { tell: () => [], hear: () => undefined })).toThrow(
      "nothing of use is remembered of fake/m0",
    );
  });
});
