import { afterEach, expect, it } from "vitest";
import { presetVariable } from "./environment.ts";

const name = "SLUICE_TEST_PRESET";
afterEach(() => {
  delete process.env[name];
});

it("sets a variable, and never past what was set already, be it empty", () => {
  presetVariable(name, "ours");
  expect(process.env[name]).toBe("ours");
  process.env[name] = "";
  presetVariable(name, "ours");
  expect(process.env[name]).toBe("");
});
