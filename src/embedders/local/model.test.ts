import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadLocalModel, readModel } from "./model.ts";

const model = loadLocalModel();
const cosine = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
const similarity = (a: string, b: string) => model.calibrate(cosine(model.embed(a), model.embed(b)));

/** Distance = 1 − similarity; match when distance ≤ 0.7, the threshold of the published examples. */
const MATCH = 0.3;

const python = [
  "How do I write a Python function?",
  "Optimize this Python code snippet for speed",
  "How to implement a custom iterator class in Python",
  "factorial in Python",
  "a custom iterator class in Python",
  "List methods to iterate over x instances of n in Python",
];
const support = [
  "How do I reset my corporate email password?",
  "My VPN keeps disconnecting; help me troubleshoot it?",
  "How do I configure two-factor authentication on Windows 10 for our company network?",
  "How can I configure my corporate VPN?",
  "How do I configure two-factor authentication on my corporate laptop?",
];
const others = [
  "What's the weather like today?",
  "Write a short poem about the beauty of autumn.",
  "Can you suggest some tips for improving creativity?",
  "What is qubit?",
  "What is doppelganger effect?",
];

describe("the shipped model", () => {
  test.each([
    ["Specialist in python", "Requests related to IT support"],
    ["Expert in Python programming.", "All IT support questions."],
  ])("routes the published prompts to «%s», «%s» or neither", (pythonDescription, supportDescription) => {
    for (const prompt of python) {
      expect(similarity(prompt, pythonDescription), prompt).toBeGreaterThanOrEqual(MATCH);
      expect(similarity(prompt, pythonDescription), prompt).toBeGreaterThan(
        similarity(prompt, supportDescription),
      );
    }
    for (const prompt of support) {
      expect(similarity(prompt, supportDescription), prompt).toBeGreaterThanOrEqual(MATCH);
      expect(similarity(prompt, supportDescription), prompt).toBeGreaterThan(
        similarity(prompt, pythonDescription),
      );
    }
    for (const prompt of others) {
      expect(similarity(prompt, pythonDescription), prompt).toBeLessThan(MATCH);
      expect(similarity(prompt, supportDescription), prompt).toBeLessThan(MATCH);
    }
  });

  test("gives unit vectors, or zeros when there is no token, for any text at all", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
        const vector = model.embed(text);
        const length = Math.hypot(...vector);
        expect(vector).toHaveLength(model.dimensions);
        expect(length === 0 || Math.abs(length - 1) < 1e-4).toBe(true);
      }),
    );
    expect(Math.hypot(...model.embed(""))).toBe(0);
    expect(Math.hypot(...model.embed(" \n\u0000\ud800 🙂 …"))).toBe(0);
  });

  test("is deterministic and hands out a new array each time", () => {
    const first = model.embed("reset my password");
    expect(model.embed("reset my password")).toEqual(first);
    expect(model.embed("reset my password")).not.toBe(first);
    expect(loadLocalModel()).toBe(model);
  });

  test("sees the end of a long text", () => {
    const filler = "the quick brown fox jumps over the lazy dog. ".repeat(40);
    const target = model.embed("kubernetes deployment");
    const withTopic = cosine(model.embed(`${filler} kubernetes deployment kubernetes cluster`), target);
    expect(withTopic).toBeGreaterThan(cosine(model.embed(filler), target) + 0.02);
  });

  test("survives typos: a misspelt word stays near the right one", () => {
    expect(similarity("resturant reservatoin", "restaurant reservation")).toBeGreaterThan(0.4);
  });

  test("counts words, and estimates them in a text too long to read whole", () => {
    expect(model.countTokens("How do I reset my password?")).toBe(6);
    const many = model.countTokens("password ".repeat(50_000));
    expect(many).toBeGreaterThan(40_000);
    expect(many).toBeLessThan(60_000);
  });
});

describe("reading a model", () => {
  test("names the missing file", () => {
    expect(() => readModel(pathToFileURL("/nonexistent/"))).toThrow(/manifest\.json/);
  });

  test("refuses a file that is not the one in the manifest", () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-model-"));
    try {
      mkdirSync(folder, { recursive: true });
      const file = { name: "table.bin", bytes: 4, sha256: "00" };
      const manifest = {
        name: "x",
        version: "1",
        dimensions: 1,
        words: 1,
        buckets: 0,
        files: { table: file, vocabulary: file },
        scale: { threshold: 0.3, examples: [0], atThreshold: [0.3] },
      };
      writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
      writeFileSync(join(folder, "table.bin"), "abcd");
      expect(() => readModel(pathToFileURL(`${folder}/`))).toThrow(/table\.bin is damaged/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
