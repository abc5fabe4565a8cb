import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { knobNames } from "./behaviour.ts";
import { readSimulatorFlags, simulatorFlags } from "./options.ts";

describe("readSimulatorFlags", () => {
  it("gives the defaults that the flags name", () => {
    const { port, host, seed, datedModels, fast } = readSimulatorFlags({});
    const defaults = Object.fromEntries(simulatorFlags.map((flag) => [flag.name, flag.default]));
    expect(defaults).toMatchObject({ port, host, seed, "dated-models": datedModels, fast });
  });

  it("reads its own flags and a knob of every kind", () => {
    const values = {
      port: "0",
      "api-key": "sk",
      fast: true,
      "latency-ms": "2.5",
      hang: true,
      "no-done": "false",
      content: "7",
    };
    expect(readSimulatorFlags(values)).toMatchObject({
      port: 0,
      apiKey: "sk",
      fast: true,
      behaviour: { latencyMs: 2.5, hang: true, noDone: false, content: "7" },
    });
    expect(readSimulatorFlags({})).not.toHaveProperty("apiKey");
  });

  it.each([
    [{ port: "http" }, /--port takes a whole number from 0 to 65535, not "http"/],
    [{ port: "65536" }, /--port/],
    [{ seed: "-1" }, /--seed/],
    [{ port: true }, /--port/],
    [{ status: "20" }, /knob "status" takes a whole number from 400 to 599, not 20/],
    [{ latency: "1" }, /unknown flag --latency/],
  ])("refuses %j", (values, message) => {
    expect(() => readSimulatorFlags(values)).toThrow(message);
  });
});

describe("the guide", () => {
  it("describes every knob and every flag", () => {
    const guide = readFileSync(new URL("../../docs/guide/simulator.md", import.meta.url), "utf8");
    for (const name of knobNames) expect(guide).toContain(`\`${name}\``);
    for (const { name } of simulatorFlags.slice(0, -knobNames.length))
      expect(guide).toContain(`\`--${name}\``);
  });
});
