/** Plausible sentences about a prompt, the same ones for the same seed. */
import { keywords } from "./keywords.ts";
import { choose, normalDeviate, type Random } from "./random.ts";
import { splitTokens } from "./tokens.ts";

/** `{}` is replaced by a keyword of the prompt. A few letters beyond ASCII, so that a byte cut can hit one. */
const openings = [
  "Here is a short answer about {}.",
  "Good question — let us look at {} first.",
  "In short: it depends on {}, but a few rules hold almost everywhere.",
  "There are three things to know about {}.",
  "Let's go through {} step by step.",
];

const sentences = [
  "Start with {}, because most of the later steps depend on it.",
  "Check {} before you change anything else, and write down what you find.",
  "If {} behaves differently from what you expect, look at {} next.",
  "A common mistake is to treat {} and {} as the same thing.",
  "In practice, {} needs less attention than {}.",
  "The simplest approach is to keep {} small and to test it on its own.",
  "You can combine {} with {} when one of them is not enough.",
  "It helps to compare {} with a known good example.",
  "For larger cases, split {} into parts and handle them one after another.",
  "The naïve way works for a while, but {} tends to grow.",
  "Keep an eye on {}; it is usually the first thing that breaks.",
  "When in doubt, prefer the option that leaves {} unchanged.",
  "This takes about ten minutes once {} is in place.",
  "Note that {} may vary between versions → check yours first.",
  "After that, {} should work as intended ✓",
  "Ask whoever owns {} if you are not sure who set it up.",
];

const closings = [
  "If that does not help, tell me more about {}.",
  "That is all you need for {}.",
  "Let me know how it goes with {}.",
  "With that, {} should be settled.",
];

/**
 * How long answers are: log-normal, median 120 tokens, 95 % between 25 and 580. A guess shaped like public chat logs,
 * whose answer lengths are close to log-normal.
 */
export function answerLength(random: Random): number {
  return Math.round(Math.min(1500, Math.max(8, 120 * Math.exp(0.8 * normalDeviate(random)))));
}

/** Sentences of about `tokens` tokens in token-like pieces: a whole number of sentences, at least one. */
export function writeProse(prompt: string, tokens: number, random: Random): string[] {
  const topics = keywords(prompt);
  const fill = (template: string) => splitTokens(fillIn(template, topics, random));
  const pieces = fill(choose(random, openings));
  const closing = fill(` ${choose(random, closings)}`);
  let sentencesInParagraph = 1;
  while (pieces.length + closing.length < tokens) {
    const separator = sentencesInParagraph < 4 ? " " : "\n\n";
    sentencesInParagraph = separator === " " ? sentencesInParagraph + 1 : 1;
    for (const piece of fill(separator + choose(random, sentences))) pieces.push(piece);
  }
  if (pieces.length + closing.length <= tokens) pieces.push(...closing);
  return pieces;
}

/** Exactly `tokens` pieces, cut in the middle of a sentence if need be: for measurements that need a known length. */
export function writeExactly(prompt: string, tokens: number, random: Random): string[] {
  const pieces: string[] = [];
  while (pieces.length < tokens) {
    if (pieces.length > 0) pieces.push("\n\n");
    for (const piece of writeProse(prompt, Math.min(tokens - pieces.length, 2000), random))
      pieces.push(piece);
  }
  return pieces.slice(0, tokens);
}

/** Takes topics in turn from a random one on, so that a sentence does not compare a thing with itself. */
function fillIn(template: string, topics: readonly string[], random: Random): string {
  let next = Math.floor(random() * topics.length);
  return template.replace(/\{\}/g, () => topics[next++ % topics.length] ?? "");
}
