import { describe, expect, it } from "vitest";
import { createJournal, journalLimit } from "./journal.ts";

const request = {
  method: "POST",
  path: "/x",
  query: "",
  headers: { authorization: "Bearer a", host: "b" },
  receivedAtMs: 5,
};

describe("journal", () => {
  it("keeps the last thousand, oldest first", () => {
    const journal = createJournal();
    for (let index = 0; index < journalLimit + 5; index++) journal.open(request);
    expect(journal.entries()).toHaveLength(journalLimit);
    expect(journal.entries()[0]?.number).toBe(6);
    expect(journal.entries().at(-1)?.number).toBe(journalLimit + 5);
  });

  it("marks the headers that carry a credential", () => {
    expect(createJournal().open(request).credentialHeaders).toEqual(["authorization"]);
  });

  it("forgets the oldest when the bodies are too large together, and counts what it forgot", () => {
    const journal = createJournal();
    for (let index = 0; index < 5; index++) journal.keepBody(journal.open(request), "big", 30 * 1024 * 1024);
    expect(journal.entries().map(({ number }) => number)).toEqual([4, 5]);
    journal.clear();
    journal.keepBody(journal.open(request), "small", 10);
    expect(journal.entries().map(({ number }) => number)).toEqual([6]);
  });

  it("does not count the body of a request that was cleared away meanwhile", () => {
    const journal = createJournal();
    const entry = journal.open(request);
    journal.clear();
    journal.keepBody(entry, "late", 65 * 1024 * 1024);
    journal.open(request);
    expect(journal.entries()).toHaveLength(1);
  });
});
