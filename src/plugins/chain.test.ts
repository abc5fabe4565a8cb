import { describe, expect, it } from "vitest";
import { createRecord } from "../../test/support/access-records.ts";
import { createExchange } from "../../test/support/exchange.ts";
import { notingPlugin } from "../../test/support/fake-plugins.ts";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import type { Reply } from "../http/reply.ts";
import { runAccess, runLog, runRespond } from "./chain.ts";

const reply: Reply = { status: 401, headers: {}, body: undefined };

describe("runAccess", () => {
  it("asks each plugin in order, and waits for those that take time", async () => {
    const journal: string[] = [];
    const slow = notingPlugin("b", journal, {
      async access() {
        await Promise.resolve();
        journal.push("b: access");
        return undefined;
      },
    });
    const plugins = [notingPlugin("a", journal), slow, notingPlugin("c", journal)];
    expect(await runAccess(plugins, createExchange())).toBeUndefined();
    expect(journal).toEqual(["a: access", "b: access", "c: access"]);
  });

  it("lets all begin before any is asked, also those that an earlier reply spares", async () => {
    const journal: string[] = [];
    const beginning = (name: string, access: () => Reply | undefined = () => undefined) =>
      notingPlugin(name, journal, { access, begin: () => void journal.push(`${name}: begin`) });
    expect(await runAccess([beginning("a", () => reply), beginning("b")], createExchange())).toBe(reply);
    await runAccess([beginning("c")], createExchange());
    expect(journal).toEqual(["a: begin", "b: begin", "c: begin"]);
  });

  it("ends with the first reply", async () => {
    const journal: string[] = [];
    const plugins = [
      notingPlugin("a", journal),
      notingPlugin("b", journal, { access: () => reply }),
      notingPlugin("c", journal),
    ];
    expect(await runAccess(plugins, createExchange())).toBe(reply);
    expect(journal).toEqual(["a: access"]);
  });

  it("ends with what a plugin throws, at once or later", async () => {
    for (const access of [
      () => Promise.reject(new Error("no")),
      () => {
        throw new Error("no");
      },
    ]) {
      const journal: string[] = [];
      await expect(runAccess([{ access }, notingPlugin("b", journal)], createExchange())).rejects.toThrow(
        "no",
      );
      expect(journal).toEqual([]);
    }
  });

  it("takes plugins that have nothing to say, and none", async () => {
    expect(await runAccess([{}, {}], createExchange())).toBeUndefined();
    expect(await runAccess([], createExchange())).toBeUndefined();
  });
});

describe("runLog", () => {
  it("shows every plugin the record, also after one that throws, which is reported", () => {
    const journal: string[] = [];
    const log = createRecordingLogger();
    const broken = notingPlugin("b", journal, {
      log() {
        throw new Error("disk full");
      },
    });
    runLog(
      [notingPlugin("a", journal), broken, {}, notingPlugin("c", journal)],
      createExchange(),
      createRecord(),
      log,
    );
    expect(journal).toEqual(["a: log", "c: log"]);
    expect(log.lines).toEqual([
      { level: "error", message: "a plugin failed while logging", facts: { reason: "disk full" } },
    ]);
  });
});

describe("runRespond", () => {
  it("lets every plugin add headers, and sends the reply though one fails", () => {
    const journal: string[] = [];
    const log = createRecordingLogger();
    const headers: Reply["headers"] = {};
    const adding = (name: string) =>
      notingPlugin(name, journal, {
        respond: (_, reply) => {
          reply.headers[name] = "1";
        },
      });
    const failing = notingPlugin("c", journal, {
      respond() {
        throw new Error("no");
      },
    });
    const plugins = [adding("a"), notingPlugin("b", journal), failing, adding("d")];
    runRespond(plugins, createExchange(), { ...reply, headers }, log);
    expect(headers).toEqual({ a: "1", d: "1" });
    expect(log.lines.map(({ message }) => message)).toEqual(["a plugin failed while responding"]);
  });
});
