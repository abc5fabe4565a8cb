import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTarget, createTargets } from "../../test/support/balancing.ts";
import { createTargetMemories, type TargetMemories } from "./target-memory.ts";

const plugin = "route:chat/ai-proxy-advanced";

/** A count kept in the memory: 1 the first time, and one more each time it is the same object. */
function count(memories: TargetMemories, target = createTarget(0), owner = plugin, use = "health"): number {
  const state = memories.of(owner, use).of(target, () => ({ count: 0 }));
  state.count++;
  return state.count;
}

describe("the memory of targets", () => {
  it("gives the same state to targets of the same content, as after a reload", () => {
    const memories = createTargetMemories();
    const before = createTargets([{}, {}]);
    const after = createTargets([{}, { weight: 5, id: "changed" }]);
    memories.hold(plugin, before);
    memories.hold(plugin, after);
    expect(before.map((target) => count(memories, target))).toEqual([1, 1]);
    expect(after.map((target) => count(memories, target))).toEqual([2, 1]);
  });

  it("keeps plugin instances and uses apart", () => {
    const memories = createTargetMemories();
    const target = createTarget(0);
    memories.hold(plugin, [target]);
    memories.hold("another", [target]);
    expect(count(memories, target)).toBe(1);
    expect(count(memories, target, "another")).toBe(1);
    expect(count(memories, target, plugin, "least-connections")).toBe(1);
    expect(count(memories, target)).toBe(2);
  });

  it("takes the place of a target in the file for nothing", () => {
    const memories = createTargetMemories();
    const first = createTarget(0, { id: "a" });
    const moved = createTarget(3, { id: "a" });
    memories.hold(plugin, [first, moved]);
    expect(count(memories, first)).toBe(1);
    expect(count(memories, moved)).toBe(2);
  });

  it("forgets with the last holder, and not before", () => {
    const memories = createTargetMemories();
    const letGoOld = memories.hold(plugin, [createTarget(0)]);
    expect(count(memories)).toBe(1);
    const letGoNew = memories.hold(plugin, [createTarget(0)]);
    letGoOld();
    letGoOld(); // says nothing new
    expect(count(memories)).toBe(2);
    letGoNew();
    memories.hold(plugin, [createTarget(0)]);
    expect(count(memories)).toBe(1);
  });

  it("remembers what was asked for before the hold was taken, as a balancer made before its pool does", () => {
    const memories = createTargetMemories();
    const before = createTargets([{}]);
    const [target] = before;
    expect(count(memories, target)).toBe(1);
    const letGoOld = memories.hold(plugin, before);
    const after = createTargets([{}]);
    expect(count(memories, after[0])).toBe(2);
    memories.hold(plugin, after);
    letGoOld();
    expect(count(memories, createTarget(0))).toBe(3);
  });

  it("lets go of all, however often a target is in the list", () => {
    const memories = createTargetMemories();
    const letGo = memories.hold(plugin, [createTarget(0), createTarget(1, { id: "id-0" })]);
    expect(count(memories)).toBe(1);
    letGo();
    memories.hold(plugin, [createTarget(0)]);
    expect(count(memories)).toBe(1);
  });

  it("gives a request that outlives its config the state it began with", () => {
    const memories = createTargetMemories();
    const target = createTarget(0);
    const letGo = memories.hold(plugin, [target]);
    const memory = memories.of(plugin, "least-connections");
    const began = memory.of(target, () => ({ inFlight: 1 }));
    letGo();
    memories.hold(plugin, [createTarget(0)]);
    expect(memory.of(target, () => ({ inFlight: 0 }))).toBe(began);
    // What is remembered for the new config has nothing to do with it.
    expect(memories.of(plugin, "least-connections").of(createTarget(0), () => ({ inFlight: 0 }))).not.toBe(
      began,
    );
  });

  it("starts from nothing with a target that it had forgotten, be it the same object", () => {
    const memories = createTargetMemories();
    const targets = createTargets([{}]);
    const letGo = memories.hold(plugin, targets);
    expect(count(memories, targets[0])).toBe(1);
    letGo();
    expect(count(memories, targets[0])).toBe(2); // a request that is still under way
    memories.hold(plugin, targets);
    expect(count(memories, targets[0])).toBe(1);
  });

  it("remembers nothing of a target that nobody holds on to", () => {
    const memories = createTargetMemories();
    expect(count(memories)).toBe(1);
    expect(count(memories)).toBe(1);
    const memory = memories.of(plugin, "health");
    const target = createTarget(0);
    const state = memory.of(target, () => ({}));
    expect(memory.of(target, () => ({}))).toBe(state); // but to one object it is always the same
  });

  it("remembers what is held, and only that, in whatever order configs come and go", () => {
    const step = fc.oneof(
      fc.record({ hold: fc.uniqueArray(fc.nat({ max: 4 }), { minLength: 1 }) }),
      fc.record({ letGo: fc.nat({ max: 9 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const memories = createTargetMemories();
        const holds: Hold[] = [];
        /** How often each was asked for since it was first held. */
        let asked = [0, 0, 0, 0, 0];
        for (const each of steps) {
          if ("hold" in each) holds.push(take(memories, each.hold));
          else letGo(holds[each.letGo]);
          asked = asked.map((times, index) => (isHeld(holds, index) ? times + 1 : 0));
          const counts = asked.map((_, index) => count(memories, createTarget(index)));
          expect(counts).toEqual(asked.map((times) => Math.max(1, times)));
        }
      }),
    );
  });
});

interface Hold {
  members: readonly number[];
  readonly letGo: () => void;
}

function take(memories: TargetMemories, members: readonly number[]): Hold {
  return {
    members,
    letGo: memories.hold(
      plugin,
      members.map((index) => createTarget(index)),
    ),
  };
}

function isHeld(holds: readonly Hold[], index: number): boolean {
  return holds.some(({ members }) => members.includes(index));
}

function letGo(hold: Hold | undefined): void {
  hold?.letGo();
  if (hold !== undefined) hold.members = [];
}
