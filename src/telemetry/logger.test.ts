import { describe, expect, it } from "vitest";
import { createLogger, type LogLevel, logLevels } from "./logger.ts";

function logged(level: LogLevel, pretty: boolean): string[] {
  const lines: string[] = [];
  const log = createLogger({
    level,
    pretty,
    write: (text) => lines.push(text),
    wallClock: () => 1_700_000_000_000,
  });
  for (const each of logLevels) log[each](`a ${each}`, { port: 8000, host: "h", list: [1] });
  return lines;
}

describe("a logger", () => {
  it.each(logLevels)("at level %s passes that and what is graver", (level) => {
    const passed = logLevels.slice(logLevels.indexOf(level));
    expect(logged(level, false).map((line) => JSON.parse(line).level)).toEqual(passed);
  });

  it("writes one JSON object a line", () => {
    expect(logged("error", false)).toEqual([
      '{"time":"2023-11-14T22:13:20.000Z","level":"error","message":"a error","port":8000,"host":"h","list":[1]}\n',
    ]);
  });

  it("writes for people where it is told to, without the level of what is ordinary", () => {
    expect(logged("info", true)).toEqual([
      "a info port=8000 host=h list=[1]\n",
      "warn: a warn port=8000 host=h list=[1]\n",
      "error: a error port=8000 host=h list=[1]\n",
    ]);
  });

  it("needs no facts", () => {
    const lines: string[] = [];
    createLogger({ level: "info", pretty: true, write: (text) => lines.push(text), wallClock: () => 0 }).info(
      "ready",
    );
    expect(lines).toEqual(["ready\n"]);
  });
});
