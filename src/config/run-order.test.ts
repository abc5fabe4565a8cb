import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pluginConfig } from "../../test/support/fake-plugins.ts";
import type { PluginOrdering } from "./config.ts";
import { inRunOrder, isBefore } from "./run-order.ts";

const list = ["auth", "limit", "guard", "proxy", "log"];

function entry(name: string, ordering: Partial<PluginOrdering> = {}, answers = false) {
  const config = pluginConfig(name, () => ({}), {
    order: list.indexOf(name),
    ordering: { before: [], after: [], ...ordering },
  });
  return { config: { ...config, definition: { ...config.definition, answers } } };
}

const names = (entries: readonly ReturnType<typeof entry>[]) =>
  inRunOrder(entries).map(({ config }) => config.name);

describe("plugins run", () => {
  it("in the list's order where nothing else is asked for", () => {
    expect(names(["log", "guard", "auth"].map((name) => entry(name)))).toEqual(["auth", "guard", "log"]);
  });

  it("just before the one they are to come before", () => {
    const guard = entry("guard", { before: ["auth"] });
    expect(names([entry("auth"), entry("limit"), guard, entry("proxy")])).toEqual([
      "guard",
      "auth",
      "limit",
      "proxy",
    ]);
  });

  it("after the one they are to come after", () => {
    const auth = entry("auth", { after: ["limit"] });
    expect(names([auth, entry("limit"), entry("proxy")])).toEqual(["limit", "auth", "proxy"]);
  });

  it("in front of the one that answers, even where that is pulled ahead by a third", () => {
    const log = entry("log", { after: ["proxy"], before: ["auth"] });
    const entries = [entry("auth"), entry("guard"), entry("proxy", {}, true), log];
    // A circle (auth before proxy before log before auth), which the loader refuses: each still runs once.
    expect(names(entries).sort()).toEqual(["auth", "guard", "log", "proxy"]);
    const early = entry("limit", { after: ["log"] });
    expect(names([early, entry("proxy", {}, true), entry("log")])).toEqual(["log", "limit", "proxy"]);
  });

  it("each once, every wish honoured, whenever that is possible", () => {
    const some = fc.subarray(list);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(list),
        fc.dictionary(fc.constantFrom(...list), some),
        (present, wishes) => {
          // Wishes that agree with one hidden order can all be honoured.
          const rank = new Map([...list].reverse().map((name, place) => [name, place]));
          const entries = present.map((name) =>
            entry(name, {
              before: (wishes[name] ?? []).filter((other) => (rank.get(name) ?? 0) < (rank.get(other) ?? 0)),
              after: (wishes[name] ?? []).filter((other) => (rank.get(name) ?? 0) > (rank.get(other) ?? 0)),
            }),
          );
          const sorted = inRunOrder(entries);
          expect(sorted).toHaveLength(entries.length);
          expect(new Set(sorted)).toEqual(new Set(entries));
          for (const [at, later] of sorted.entries())
            for (const earlier of sorted.slice(0, at))
              expect(isBefore(later.config, earlier.config)).toBe(false);
        },
      ),
    );
  });
});
