import { describe, expect, it } from "vitest";
import { GatewayError } from "../errors.ts";
import { candidatesFor } from "./model-choice.ts";

interface Named {
  readonly alias: string | undefined;
  readonly modelName: string | undefined;
}

const named = (modelName: string | undefined, alias?: string): Named => ({ modelName, alias });
const choose = (targets: readonly Named[], model: unknown, resolve = (target: Named) => target.modelName) =>
  candidatesFor(targets, model, resolve);

const mini = named("gpt-4o-mini", "cheap");
const big = named("gpt-4o", "smart");
const twin = named("gpt-4o", "cheap");
const all = [mini, big, twin];

describe("candidatesFor", () => {
  it.each([undefined, null, "", "auto"])("leaves the choice to the gateway for %j", (model) => {
    expect(choose(all, model)).toEqual(all);
  });

  it("takes all targets of an alias, and all of a name", () => {
    expect(choose(all, "cheap")).toEqual([mini, twin]);
    expect(choose(all, "gpt-4o")).toEqual([big, twin]);
  });

  it("takes an alias before a name", () => {
    const shadow = named("other", "gpt-4o");
    expect(choose([...all, shadow], "gpt-4o")).toEqual([shadow]);
  });

  it("takes `auto` for an alias where one has that name, as the cost cookbook does", () => {
    const one = named("a", "auto");
    const two = named("b", "auto");
    expect(choose([one, big, two], "auto")).toEqual([one, two]);
  });

  it.each(["gpt-3.5-turbo", "GPT-4o", " gpt-4o", 7, true, {}, []])(
    "refuses %j and lists what is allowed, each once",
    (model) => {
      try {
        choose(all, model);
        expect.unreachable();
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        expect(error.status).toBe(400);
        expect(error.message).toBe("cannot use own model - must be: cheap, gpt-4o-mini, smart, gpt-4o");
      }
    },
  );

  it("sends an unknown name to the targets that take any", () => {
    const any = named(undefined);
    expect(choose([mini, any], "their-own")).toEqual([any]);
    expect(choose([mini, any], "gpt-4o-mini")).toEqual([mini]);
    expect(() => choose([mini, any], 7)).toThrow("must be: cheap, gpt-4o-mini");
  });

  it("does not leave a target without a name to the gateway's choice, unless there are no others", () => {
    const any = named(undefined);
    for (const model of [undefined, null, "", "auto"]) {
      expect(choose([mini, any, big], model)).toEqual([mini, big]);
      expect(choose([any], model)).toEqual([any]);
    }
  });

  it("compares with the name that a template gives for this request", () => {
    const template = named("$(headers.x-model)");
    const resolve = (target: Named) => (target === template ? "gpt-9" : target.modelName);
    expect(choose([mini, template], "gpt-9", resolve)).toEqual([template]);
    expect(() => choose([mini, template], "$(headers.x-model)", resolve)).toThrow(
      "must be: cheap, gpt-4o-mini, gpt-9",
    );
  });

  it("does not fill in names that nobody asked for", () => {
    const resolve = () => {
      throw new Error("filled in");
    };
    expect(choose(all, undefined, resolve)).toEqual(all);
    expect(choose(all, "cheap", resolve)).toEqual([mini, twin]);
  });
});
