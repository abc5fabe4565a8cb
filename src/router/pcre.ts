/**
 * Regular expressions as route files write them (PCRE) turned into JavaScript's. Always compiled with the `u` flag,
 * under which JavaScript refuses what it does not know instead of quietly reading `\A` as the letter A.
 *
 * Both engines backtrack: an expression such as `(a+)+$` takes exponential time on a hostile path. Expressions come
 * from the operator and paths are bounded by the listener's header limit, but that does not make such an expression
 * safe; write `[^/]+` between slashes and do not nest unbounded repetitions.
 */
import { normalizeEscape } from "./path.ts";

export interface PcreOptions {
  /** `path`: anchored at the start, `%XX` in normal form like the path it meets. `value`: anywhere, any case. */
  readonly for: "path" | "value";
}

/** Compiles; throws an `Error` whose message says what cannot be expressed. */
export function compilePcre(source: string, options: PcreOptions): RegExp {
  const isCaseless = source.startsWith("(?i)");
  const pattern = translate(isCaseless ? source.slice(4) : source, options.for === "path");
  const flags = `u${options.for === "path" ? "y" : ""}${isCaseless || options.for === "value" ? "i" : ""}`;
  try {
    return new RegExp(pattern, flags);
  } catch (cause) {
    throw new Error(
      `${reasonOf(cause)} (possessive and atomic groups, recursion and \\Q…\\E are not supported)`,
      { cause },
    );
  }
}

/** V8 says `Invalid regular expression: /…/u: reason`; the pattern itself is shown elsewhere. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.slice(message.lastIndexOf(": ") + 1).trim();
}

/** One construct read: what it becomes and how many characters of the source it took. */
interface Piece {
  readonly text: string;
  readonly length: number;
}

function translate(source: string, isPath: boolean): string {
  let pattern = "";
  let at = 0;
  while (at < source.length) {
    const { text, length } = readPiece(source, at, isPath);
    pattern += text;
    at += length;
  }
  return pattern;
}

function readPiece(source: string, at: number, isPath: boolean): Piece {
  switch (source[at]) {
    case "\\":
      return readEscape(source, at, false);
    case "[":
      return readClass(source, at);
    case "(":
      return readGroup(source, at);
    case "{":
      return readBrace(source, at);
    case "}":
    case "]":
      // A literal in PCRE, an error under the `u` flag.
      return { text: `\\${source[at]}`, length: 1 };
    case "%":
      return isPath ? readPercent(source, at) : { text: "%", length: 1 };
    default:
      return { text: source[at] ?? "", length: 1 };
  }
}

/** Python's and .NET's spellings of named groups, which PCRE accepts too. */
function readGroup(source: string, at: number): Piece {
  const named = /^\(\?(?:P<|')(\w+)[>']/.exec(source.slice(at));
  if (named !== null) return { text: `(?<${named[1]}>`, length: named[0].length };
  const reference = /^\(\?P=(\w+)\)/.exec(source.slice(at));
  if (reference !== null) return { text: `\\k<${reference[1]}>`, length: reference[0].length };
  return { text: "(", length: 1 };
}

/** `{` is a literal in PCRE where it starts no quantifier. */
function readBrace(source: string, at: number): Piece {
  const quantifier = /^\{\d+(?:,\d*)?\}/.exec(source.slice(at));
  if (quantifier !== null) return { text: quantifier[0], length: quantifier[0].length };
  return { text: "\\{", length: 1 };
}

/** As Kong: an escape in a regex path is normalised like the path, and kept a literal. */
function readPercent(source: string, at: number): Piece {
  const triplet = /^%([0-9A-Fa-f]{2})/.exec(source.slice(at));
  if (triplet === null) return { text: "%", length: 1 };
  const text = normalizeEscape(triplet[0], triplet[1] ?? "");
  return { text: text === "." ? "\\." : text, length: triplet[0].length };
}

/** Escapes that mean something else in JavaScript, or nothing. */
const escapes: Readonly<Record<string, string>> = {
  A: "^",
  z: "$",
  Z: "$",
  h: "[\\t ]",
  a: "\\x07",
  e: "\\x1b",
};
const classEscapes: Readonly<Record<string, string>> = { h: "\\t ", a: "\\x07", e: "\\x1b" };

function readEscape(source: string, at: number, isInClass: boolean): Piece {
  const character = source[at + 1];
  if (character === undefined) throw new Error("a backslash at the end escapes nothing");
  const codePoint = /^\\x\{([0-9A-Fa-f]{1,6})\}/.exec(source.slice(at));
  if (codePoint !== null) return { text: `\\u{${codePoint[1]}}`, length: codePoint[0].length };
  const known = (isInClass ? classEscapes : escapes)[character];
  if (known !== undefined) return { text: known, length: 2 };
  return { text: isOrdinary(character, isInClass) ? character : `\\${character}`, length: 2 };
}

/** PCRE lets one escape any punctuation; the `u` flag only that which has a meaning. */
function isOrdinary(character: string, isInClass: boolean): boolean {
  if (character === "-") return !isInClass;
  return !/[\w^$\\.*+?()[\]{}|/]/.test(character) || character === "_";
}

function readClass(source: string, start: number): Piece {
  let text = "[";
  let at = start + 1;
  if (source[at] === "^") {
    text += "^";
    at += 1;
  }
  // A `]` that comes first is a literal in PCRE; in JavaScript it would close an empty class.
  if (source[at] === "]") {
    text += "\\]";
    at += 1;
  }
  while (source[at] !== "]") {
    if (at >= source.length) throw new Error("a character class is not closed: ] is missing");
    const piece = readClassMember(source, at);
    text += piece.text;
    at += piece.length;
  }
  return { text: `${text}]`, length: at + 1 - start };
}

function readClassMember(source: string, at: number): Piece {
  if (source[at] === "\\") return readEscape(source, at, true);
  if (source[at] !== "[") return { text: source[at] ?? "", length: 1 };
  const posix = /^\[:(\^?\w+):\]/.exec(source.slice(at));
  if (posix === null) return { text: "\\[", length: 1 };
  const members = posixClasses[posix[1] ?? ""];
  if (members === undefined) throw new Error(`the class ${posix[0]} is not supported`);
  return { text: members, length: posix[0].length };
}

const posixClasses: Readonly<Record<string, string>> = {
  alnum: "A-Za-z0-9",
  alpha: "A-Za-z",
  digit: "0-9",
  lower: "a-z",
  upper: "A-Z",
  xdigit: "A-Fa-f0-9",
  word: "\\w",
  space: "\\s",
  blank: "\\t ",
  punct: "!-\\/:-@\\[-`\\{-~",
};
