/** `${{ env "DECK_X" }}` as decK has it: replaced in the text, before the text is parsed. */

/** One replaced expression. Offsets are UTF-16 positions, ends exclusive. */
export interface Substitution {
  readonly name: string;
  /** Where the expression stands in the file. */
  readonly start: number;
  readonly end: number;
  /** Where its value stands in the substituted text. */
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Why there is no value; a harmless word stands in its place. */
  readonly fault: string | undefined;
}

export interface Substituted {
  readonly text: string;
  readonly substitutions: readonly Substitution[];
  /** Offset in the file of an expression that never ends. */
  readonly unclosed: number | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Stands where a value is missing: a plain YAML word, so that the rest of the file can still be checked. */
const placeholder = "missing";

const expression = /\$\{\{([\s\S]*?)\}\}/g;
const environmentCall = /^\s*env\s*(?:"([^"]*)"|'([^']*)'|`([^`]*)`)\s*((?:\|[^|]*)*)$/;

/**
 * Replaces every expression. Only names that begin with `DECK_` are read, as in decK, so that a file cannot fetch
 * whatever else the process knows. decK's filters `toInt`, `toFloat`, `toBool` and `indent N` are understood.
 */
export function substitute(text: string, env: Environment): Substituted {
  const substitutions: Substitution[] = [];
  let result = "";
  let position = 0;
  for (const match of text.matchAll(expression)) {
    const { name, value, fault } = evaluate(match[1] ?? "", env);
    result += text.slice(position, match.index);
    position = match.index + match[0].length;
    const valueStart = result.length;
    result += value ?? placeholder;
    substitutions.push({
      name,
      start: match.index,
      end: position,
      valueStart,
      valueEnd: result.length,
      fault,
    });
  }
  const rest = text.slice(position);
  const open = rest.indexOf("${{");
  return { text: result + rest, substitutions, unclosed: open < 0 ? undefined : position + open };
}

/** Offset in the substituted text → offset in the file; inside a value it is where the expression begins. */
export function originalOffset(offset: number, substitutions: readonly Substitution[]): number {
  const before = lastStartingAt(offset, substitutions);
  if (before === undefined) return offset;
  return offset < before.valueEnd ? before.start : before.end + (offset - before.valueEnd);
}

/** The substitutions whose values reach into `start`–`end` of the substituted text. */
export function touching(
  start: number,
  end: number,
  substitutions: readonly Substitution[],
): readonly Substitution[] {
  const found: Substitution[] = [];
  for (let index = firstEndingAfter(start, substitutions); index < substitutions.length; index++) {
    const candidate = substitutions[index];
    if (candidate === undefined || candidate.valueStart >= end) break;
    found.push(candidate);
  }
  return found;
}

interface Evaluation {
  readonly name: string;
  /** Undefined when there is a fault. */
  readonly value: string | undefined;
  readonly fault: string | undefined;
}

function evaluate(source: string, env: Environment): Evaluation {
  const match = environmentCall.exec(source);
  if (match === null) {
    return failed("", 'cannot read this expression: only ${{ env "DECK_…" }} is known');
  }
  const name = match[1] ?? match[2] ?? match[3] ?? "";
  if (!name.startsWith("DECK_")) {
    return failed(
      name,
      `environment variable ${name || '""'} cannot be used: its name must begin with DECK_`,
    );
  }
  const value = env[name];
  if (value === undefined) return failed(name, `environment variable ${name} is not set`);
  return filtered(name, value, match[4] ?? "");
}

function failed(name: string, fault: string): Evaluation {
  return { name, value: undefined, fault };
}

function filtered(name: string, value: string, filters: string): Evaluation {
  let result = value;
  for (const filter of filters.split("|").map((part) => part.trim())) {
    if (filter === "") continue;
    const next = applyFilter(filter, result);
    if (next === undefined) return failed(name, `environment variable ${name} cannot be read with ${filter}`);
    result = next;
  }
  return { name, value: result, fault: undefined };
}

/** Undefined: no such filter, or the value does not suit it. */
function applyFilter(filter: string, value: string): string | undefined {
  if (filter === "toInt") return /^[+-]?\d+$/.test(value) ? String(Number(value)) : undefined;
  if (filter === "toFloat")
    return value.trim() !== "" && Number.isFinite(Number(value)) ? value.trim() : undefined;
  if (filter === "toBool") return readBoolean(value);
  const indent = /^indent\s+(\d{1,3})$/.exec(filter);
  return indent === null ? undefined : value.replaceAll("\n", `\n${" ".repeat(Number(indent[1]))}`);
}

/** The words Go's `strconv.ParseBool` takes, since decK is written in Go. */
function readBoolean(value: string): string | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return "true";
  return /^(0|f|F|FALSE|false|False)$/.test(value) ? "false" : undefined;
}

function lastStartingAt(offset: number, substitutions: readonly Substitution[]): Substitution | undefined {
  let low = 0;
  let high = substitutions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((substitutions[middle]?.valueStart ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return substitutions[low - 1];
}

function firstEndingAfter(offset: number, substitutions: readonly Substitution[]): number {
  let low = 0;
  let high = substitutions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((substitutions[middle]?.valueEnd ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
