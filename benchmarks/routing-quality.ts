// Routing quality of the shipped local model on CLINC150's development data and on published prompts.
//
// Usage: routing-quality [--data DIR]   (DIR holds clinc150/train.jsonl and clinc150/validation.jsonl; default ../shared/data)
// Protocol: docs/quality.md. Examples are drawn from the training split, the threshold is tuned on one half of the
// validation split and reported on the other, and the shipped threshold (distance 0.7) is reported beside it.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { descriptionParts, prepareGroup, type ScoredGroup, scoreGroup } from "../src/balancer/group-score.ts";
import { loadLocalModel } from "../src/embedders/local/model.ts";

interface Prompt {
  readonly prompt: string;
  readonly target: string;
}

/** Scores of one prompt and the index of its right group, −1 for the catch-all. */
interface Scored {
  readonly best: number;
  readonly similarity: number;
  readonly truth: number;
}

const SHIPPED_THRESHOLD = 0.7;
const DRAWS = 5;
const COUNTS = [0, 5, 10, 20];

const WORDINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "Requests related to X": {
    travel: "Requests related to travel",
    banking: "Requests related to banking",
    credit_cards: "Requests related to credit cards",
    kitchen_and_dining: "Requests related to kitchen and dining",
    home: "Requests related to home",
    auto_and_commute: "Requests related to auto and commute",
    work: "Requests related to work",
    utility: "Requests related to utility",
    small_talk: "Requests related to small talk",
    meta: "Requests related to meta",
  },
  "one line": {
    travel: "Travel: flights, hotels, luggage, visas, vaccinations and translating phrases",
    banking: "Bank accounts: balances, transfers, bills, PINs and suspicious transactions",
    credit_cards: "Credit cards: limits, rewards, credit score, lost or declined cards",
    kitchen_and_dining: "Cooking, recipes, nutrition and restaurant reservations",
    home: "Household assistant: shopping and to-do lists, calendar, reminders, music and smart devices",
    auto_and_commute: "Cars and commuting: maintenance, tires, gas, directions and traffic",
    work: "Work and human resources: salary, taxes, vacation days, insurance and meetings",
    utility: "Everyday utilities: time, date, weather, alarms, calculations, calls and definitions",
    small_talk: "Small talk with the assistant: greetings, jokes and questions about itself",
    meta: "Controlling the assistant itself: settings, language, volume, names, yes and no",
  },
  sentence: {
    travel: "Helps people plan trips and travel abroad",
    banking: "Handles questions about money in a bank account, payments and bills",
    credit_cards: "Specialist in credit cards and credit scores",
    kitchen_and_dining: "Specialist in food, cooking and restaurants",
    home: "Manages the home: lists, schedule, music, orders and smart home devices",
    auto_and_commute: "Specialist in cars, driving and commuting",
    work: "Handles questions from employees about pay, benefits, time off and meetings",
    utility: "Simple tools such as clock, timer, weather, calculator, dictionary and phone",
    small_talk: "Friendly conversation and chit-chat with a bot",
    meta: "Changes how the assistant speaks and behaves, confirms, cancels or repeats",
  },
};

const PAIRS: readonly (readonly [string, string])[] = [
  ["Specialist in python", "Requests related to IT support"],
  ["Expert in Python programming.", "All IT support questions."],
  ["Questions about Python code", "Help desk for company computers and accounts"],
  ["python programming", "IT helpdesk"],
  ["Anything about the Python programming language", "Corporate IT support requests"],
];

const PUBLISHED: readonly (readonly [string, 0 | 1 | -1])[] = [
  ["How do I write a Python function?", 0],
  ["Optimize this Python code snippet for speed", 0],
  ["How to implement a custom iterator class in Python", 0],
  ["factorial in Python", 0],
  ["a custom iterator class in Python", 0],
  ["List methods to iterate over x instances of n in Python", 0],
  ["How do I reset my corporate email password?", 1],
  ["My VPN keeps disconnecting; help me troubleshoot it?", 1],
  ["How do I configure two-factor authentication on Windows 10 for our company network?", 1],
  ["How can I configure my corporate VPN?", 1],
  ["How do I configure two-factor authentication on my corporate laptop?", 1],
  ["What's the weather like today?", -1],
  ["Write a short poem about the beauty of autumn.", -1],
  ["Can you suggest some tips for improving creativity?", -1],
  ["What is qubit?", -1],
  ["What is doppelganger effect?", -1],
];

const HARDER: readonly (readonly [string, 0 | 1 | -1])[] = [
  ["My list comprehension throws a TypeError", 0],
  ["def f(x): return x*2 # why does this fail?", 0],
  ["Explain decorators and generators", 0],
  ["The printer on the third floor does not work", 1],
  ["laptop is very slow since yesterday", 1],
  ["Write a story about a python snake", -1],
  ["How do I write a cover letter?", -1],
  ["Mi comprensión de listas lanza un TypeError", 0],
  ["¿Cómo escribo una función en Python?", 0],
  ["Explica los decoradores y generadores", 0],
  ["La impresora del tercer piso no funciona", 1],
  ["el portátil está muy lento desde ayer", 1],
  ["Escribe un cuento sobre una serpiente pitón", -1],
  ["¿Cómo escribo una carta de presentación?", -1],
  ["Meine List Comprehension wirft einen TypeError", 0],
  ["Wie schreibe ich eine Python-Funktion?", 0],
  ["Erkläre Dekoratoren und Generatoren", 0],
  ["Der Drucker im dritten Stock funktioniert nicht", 1],
  ["Der Laptop ist seit gestern sehr langsam", 1],
  ["Schreibe eine Geschichte über eine Pythonschlange", -1],
  ["Wie schreibe ich ein Bewerbungsschreiben?", -1],
  ["Minha list comprehension lança um TypeError", 0],
  ["Como escrevo uma função em Python?", 0],
  ["Explique decoradores e geradores", 0],
  ["A impressora do terceiro andar não funciona", 1],
  ["o notebook está muito lento desde ontem", 1],
  ["Escreva uma história sobre uma cobra píton", -1],
  ["Como escrevo uma carta de apresentação?", -1],
];

const model = loadLocalModel();
const { values } = parseArgs({ options: { data: { type: "string", default: "../shared/data" } } });

print(`${model.name}: distance to the nearer description; match when at most ${SHIPPED_THRESHOLD}`);
for (const pair of PAIRS) reportProbes(pair, PUBLISHED, "published prompts");
reportProbes(["Specialist in python", "Requests related to IT support"], HARDER, "harder probes");
reportClinc(join(values.data, "clinc150"));
reportLatency();

function reportProbes(pair: readonly [string, string], probes: typeof PUBLISHED, title: string): void {
  const groups = pair.map((description) => makeGroup(description, []));
  const rows = probes.map(([prompt, truth]) => {
    const scored = scorePrompt(prompt, truth, groups);
    return { prompt, distance: 1 - scored.similarity, isRight: choice(scored, SHIPPED_THRESHOLD) === truth };
  });
  print(
    `\n${title}, «${pair.join("» / «")}»: ${rows.filter((row) => row.isRight).length} of ${rows.length} right`,
  );
  for (const row of rows)
    print(`  ${row.isRight ? "right" : "WRONG"}  ${row.distance.toFixed(3)}  ${row.prompt}`);
}

function reportClinc(folder: string): void {
  if (!existsSync(join(folder, "validation.jsonl"))) {
    print(`\nNo CLINC150 development data in ${folder}: name the folder that holds clinc150/ with --data.`);
    return;
  }
  const training = readPrompts(join(folder, "train.jsonl"));
  const validation = readPrompts(join(folder, "validation.jsonl"));
  print(
    "\nCLINC150, ten domains: in-scope to the right target / out-of-scope to CATCHALL, tuned and at the shipped threshold",
  );
  for (const [wording, descriptions] of Object.entries(WORDINGS)) {
    for (const count of COUNTS) reportRegime(wording, descriptions, count, training, validation);
  }
}

function reportRegime(
  wording: string,
  descriptions: Readonly<Record<string, string>>,
  count: number,
  training: readonly Prompt[],
  validation: readonly Prompt[],
): void {
  const sums = { tunedIn: 0, tunedOut: 0, threshold: 0, fixedIn: 0, fixedOut: 0 };
  const targets = Object.keys(descriptions);
  for (let draw = 0; draw < DRAWS; draw++) {
    const random = mulberry32(draw + 1);
    const groups = targets.map((target) => {
      const pool = training.filter((row) => row.target === target).map((row) => row.prompt);
      return makeGroup(descriptions[target] ?? "", shuffle(pool, random).slice(0, count));
    });
    const scored = shuffle(validation, random).map((row) =>
      scorePrompt(row.prompt, targets.indexOf(row.target), groups),
    );
    const half = Math.floor(scored.length / 2);
    const threshold = tune(scored.slice(0, half));
    const [tunedIn, tunedOut] = shares(scored.slice(half), threshold);
    const [fixedIn, fixedOut] = shares(scored.slice(half), SHIPPED_THRESHOLD);
    sums.tunedIn += tunedIn;
    sums.tunedOut += tunedOut;
    sums.threshold += threshold;
    sums.fixedIn += fixedIn;
    sums.fixedOut += fixedOut;
  }
  const mean = (sum: number) => sum / DRAWS;
  const pair = (inside: number, outside: number) =>
    `${mean(inside).toFixed(1)} / ${mean(outside).toFixed(1)} (mean ${((mean(inside) + mean(outside)) / 2).toFixed(1)})`;
  print(
    `  ${wording.padEnd(22)} K=${String(count).padStart(2)}  tuned ${pair(sums.tunedIn, sums.tunedOut)} at ${mean(sums.threshold).toFixed(2)}   fixed ${SHIPPED_THRESHOLD}: ${pair(sums.fixedIn, sums.fixedOut)}`,
  );
}

function reportLatency(): void {
  const groups = Object.values(WORDINGS["one line"] ?? {}).map((description) => makeGroup(description, []));
  const base =
    "my laptop has been really slow since the update yesterday and the vpn drops every few minutes when i work from home could you please tell me what i should check first";
  const times: number[] = [];
  for (let round = 0; round < 22_000; round++) {
    const start = process.hrtime.bigint();
    scorePrompt(`${base} ${round}`, 0, groups);
    if (round >= 2_000) times.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(3);
  const huge = `${base} `.repeat(650);
  const start = process.hrtime.bigint();
  for (let round = 0; round < 50; round++) model.embed(`${huge}${round}`);
  const hugeMs = Number(process.hrtime.bigint() - start) / 50e6;
  print(
    `\nDecision on an unseen ${base.split(" ").length + 1}-word prompt, ten targets: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; a text of 100 kB: ${hugeMs.toFixed(2)} ms; RSS ${Math.round(process.memoryUsage().rss / 1e6)} MB`,
  );
}

function makeGroup(description: string, examples: readonly string[]): ScoredGroup {
  const members = [...descriptionParts(description), ...examples].map((text) => model.embed(text));
  return prepareGroup(model.embed(description), members);
}

function scorePrompt(prompt: string, truth: number, groups: readonly ScoredGroup[]): Scored {
  const vector = model.embed(prompt);
  let best = -1;
  let similarity = Number.NEGATIVE_INFINITY;
  for (const [index, group] of groups.entries()) {
    const score = model.calibrate(scoreGroup(vector, group), { examples: group.examples });
    if (score > similarity) [best, similarity] = [index, score];
  }
  return { best, similarity, truth };
}

function choice(scored: Scored, threshold: number): number {
  return 1 - scored.similarity <= threshold ? scored.best : -1;
}

/** Shares in per cent: in-scope prompts at the right target, others in the catch-all. */
function shares(scored: readonly Scored[], threshold: number): readonly [number, number] {
  const right = (rows: readonly Scored[]) =>
    (100 * rows.filter((row) => choice(row, threshold) === row.truth).length) / rows.length;
  return [right(scored.filter((row) => row.truth >= 0)), right(scored.filter((row) => row.truth < 0))];
}

/** The threshold with the highest mean of both shares. */
function tune(scored: readonly Scored[]): number {
  let [best, highest] = [SHIPPED_THRESHOLD, 0];
  for (let threshold = 0.3; threshold <= 1; threshold += 0.005) {
    const [inside, outside] = shares(scored, threshold);
    if (inside + outside > highest) [best, highest] = [threshold, inside + outside];
  }
  return best;
}

function readPrompts(path: string): readonly Prompt[] {
  const lines = readFileSync(path, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Prompt); // the data's own format, see its note
}

function shuffle<Item>(items: readonly Item[], random: () => number): readonly Item[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

/** Small seeded generator (Tommy Ettinger's mulberry32), so that every run draws the same examples. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
