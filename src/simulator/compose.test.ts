import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compose, countOutput, type Task } from "./compose.ts";
import { answerLength } from "./text/prose.ts";
import { seededRandom } from "./text/random.ts";

const tool = (name: string, description = "") => ({
  name,
  description,
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
});

function task(changes: Partial<Task> = {}): Task {
  return {
    seeds: [1, "gpt-4o"],
    prompt: "How is the weather in Paris today?",
    toolResults: [],
    tools: [],
    toolUse: "free",
    parallelTools: true,
    maxTokens: Number.POSITIVE_INFINITY,
    stops: [],
    behaviour: {},
    ...changes,
  };
}

describe("compose", () => {
  it("gives the same answer to the same task and another one to another", () => {
    const text = (changes: Partial<Task>) => compose(task(changes)).pieces.join("");
    expect(text({})).toBe(text({}));
    expect(text({ seeds: [2, "gpt-4o"] })).not.toBe(text({}));
    expect(text({ prompt: "How is the weather in Rome today?" })).not.toBe(text({}));
    expect(text({})).toContain("weather");
  });

  it("never exceeds the limit, and says length exactly when it was cut", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.string(),
        fc.boolean(),
        (maxTokens, prompt, withTool) => {
          const changes = { prompt, tools: withTool ? [tool("weather")] : [] };
          const whole = compose(task(changes));
          const limited = compose(task({ ...changes, maxTokens }));
          expect(countOutput(limited)).toBe(Math.min(maxTokens, countOutput(whole)));
          expect(limited.ending === "length").toBe(countOutput(whole) > maxTokens);
        },
      ),
    );
  });

  it("has the length it is asked for, also a long one", () => {
    for (const outputTokens of [1, 2, 50, 20_000]) {
      expect(countOutput(compose(task({ behaviour: { outputTokens } })))).toBe(outputTokens);
    }
  });

  it("ends before the first stop sequence", () => {
    const content = "one two three four";
    const stopped = compose(task({ behaviour: { content }, stops: ["four", " three", ""] }));
    expect(stopped).toMatchObject({ ending: "stop", stop: " three" });
    expect(stopped.pieces.join("")).toBe("one two");
  });

  it("calls the tool that fits the prompt best on the user's turn only", () => {
    const tools = [tool("send_mail", "sends a mail"), tool("forecast", "weather of a place")];
    const made = compose(task({ tools }));
    expect(made.ending).toBe("tools");
    expect(made.calls.map(({ name, pieces }) => [name, pieces.join("")])).toEqual([
      ["forecast", '{"city":"Paris"}'],
    ]);
    const after = compose(task({ tools, toolResults: ["18 degrees"] }));
    expect(after.calls).toEqual([]);
    expect(after.pieces.join("")).toContain("18 degrees");
  });

  it("calls every tool that the prompt names, one alone where parallel calls are off", () => {
    const tools = [tool("alpha"), tool("beta"), tool("gamma")];
    const prompt = "Use beta and gamma, please";
    expect(compose(task({ tools, prompt })).calls.map(({ name }) => name)).toEqual(["beta", "gamma"]);
    expect(compose(task({ tools, prompt, parallelTools: false })).calls.map(({ name }) => name)).toEqual([
      "beta",
    ]);
  });

  it("obeys the choice of tools", () => {
    const tools = [tool("alpha"), tool("beta")];
    expect(compose(task({ tools, toolUse: "none" })).calls).toEqual([]);
    expect(compose(task({ tools, toolUse: "must", toolResults: ["x"] })).calls).toHaveLength(1);
    expect(compose(task({ tools, toolUse: "must", toolName: "beta" })).calls[0]?.name).toBe("beta");
  });

  it("writes JSON that parses when JSON is asked for", () => {
    const free: unknown = JSON.parse(compose(task({ json: { schema: undefined } })).pieces.join(""));
    expect(free).toMatchObject({ topics: ["weather", "Paris"] });
    const schema = { type: "object", properties: { place: { type: "string" } }, required: ["place"] };
    expect(JSON.parse(compose(task({ json: { schema } })).pieces.join(""))).toEqual({ place: "Paris" });
  });
});

describe("answerLength", () => {
  it("is spread like real answers: median near 120, nothing outside 8 to 1500", () => {
    const random = seededRandom(7);
    const lengths = Array.from({ length: 4000 }, () => answerLength(random)).sort(
      (left, right) => left - right,
    );
    expect(lengths[2000]).toBeGreaterThan(108);
    expect(lengths[2000]).toBeLessThan(132);
    expect(lengths[0]).toBeGreaterThanOrEqual(8);
    expect(lengths[3999]).toBeLessThanOrEqual(1500);
  });
});
