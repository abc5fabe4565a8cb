import { describe, expect, it } from "vitest";
import { findProvider, providers } from "./index.ts";
import { modelOptions } from "./model-options.ts";
import { providerNames } from "./names.ts";

describe("the list of providers", () => {
  it("names each once, as the config does", () => {
    const names = providers.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(providerNames).toEqual(expect.arrayContaining(names));
  });

  it("finds a provider by its name, and none that is not served", () => {
    for (const provider of providers) expect(findProvider(provider.name)).toBe(provider);
    expect(findProvider("gemini")).toBeUndefined();
    expect(findProvider("constructor")).toBeUndefined();
  });

  it("demands only options that the config has", () => {
    const known = Object.keys(modelOptions.shape);
    expect(known).toEqual(
      expect.arrayContaining(providers.flatMap(({ requiredOptions }) => requiredOptions ?? [])),
    );
  });
});
