/**
 * Finds text nested so deeply that the parser, which is recursive, must not see it: near the end of the stack V8 can
 * abort the whole process ("RegExpCompiler Allocation failed") where one would expect an exception.
 */
import { Lexer } from "yaml";

/** Brackets in brackets; files that people and tools write stay below twenty. */
const maxBrackets = 100;

/** Columns of indentation, or of `- - -`; a level of block nesting takes at least one. At 990 levels the stack is full. */
const maxIndent = 300;

/** Offset of the place where nesting gets too deep; undefined where it never does. */
export function tooDeepAt(text: string): number | undefined {
  return deepIndent(text) ?? (mayNestTooDeep(text) ? deepBrackets(text) : undefined);
}

function deepIndent(text: string): number | undefined {
  let lineStart = 0;
  let isLeading = true;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "\n") {
      lineStart = at + 1;
      isLeading = true;
    } else if (isLeading) {
      isLeading =
        character === " " ||
        character === "-" ||
        character === "?" ||
        character === ":" ||
        character === "\t";
      if (isLeading && at - lineStart >= maxIndent) return at;
    }
  }
  return undefined;
}

/** Counts brackets in texts and comments too: never too few. */
function mayNestTooDeep(text: string): boolean {
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    if (bracket === "[" || bracket === "{") depth += 1;
    else depth = Math.max(0, depth - 1);
    if (depth > maxBrackets) return true;
  }
  return false;
}

/** The lexer knows which brackets are meant; it is a state machine and cannot overflow. */
function deepBrackets(text: string): number | undefined {
  let depth = 0;
  let offset = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme === "[" || lexeme === "{") depth += 1;
    else if (lexeme === "]" || lexeme === "}") depth -= 1;
    if (depth > maxBrackets) return offset;
    // Marks of the lexer's own, one control character each, stand for no text.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are the marks
    if (!/^[\u0002\u0018\u001f]$|^\uFEFF$/.test(lexeme)) offset += lexeme.length;
  }
  return undefined;
}
