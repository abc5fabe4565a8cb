import { expect, it } from "vitest";
import { type SharedMemory, splitByOwner } from "./shared-memory.ts";

function noting(name: string) {
  const calls: string[] = [];
  const listeners: ((owner: string, isUrgent: boolean) => void)[] = [];
  const memory: SharedMemory = {
    tell: (owner) => ({ [`${name} of ${owner}`]: [1] }),
    hear: (owner) => void calls.push(owner),
    onChange: (listener) => void listeners.push(listener),
  };
  return { memory, calls, listeners };
}

it("two memories are one to those who tell of them, each for its owners", () => {
  const [budgets, rest] = [noting("budgets"), noting("rest")];
  const both = splitByOwner("budget ", budgets.memory, rest.memory);
  expect(both.tell("budget a")).toEqual({ "budgets of budget a": [1] });
  expect(both.tell("plugin")).toEqual({ "rest of plugin": [1] });
  both.hear("budget a", [], 20);
  both.hear("plugin", [], 20);
  expect([budgets.calls, rest.calls]).toEqual([["budget a"], ["plugin"]]);
  const heard: string[] = [];
  both.onChange((owner) => heard.push(owner));
  for (const listen of [...budgets.listeners, ...rest.listeners]) listen("x", false);
  expect(heard).toEqual(["x", "x"]);
});
