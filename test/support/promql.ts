/** What a PromQL expression asks for: metrics with the labels it picks by, and the labels it groups by. */

export interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
  /** The innermost function around it, e.g. `rate`. */
  readonly within: string | undefined;
}

export interface Asked {
  readonly selectors: readonly Selector[];
  readonly grouping: readonly string[];
  readonly functions: ReadonlySet<string>;
}

const token =
  /\s+|"(?:[^"\\]|\\.)*"|\[[^\]]+\]|[a-zA-Z_:][\w:]*|\d+(?:\.\d+)?(?:e[+-]?\d+)?|=~|!~|!=|==|>=|<=|[{}(),=<>+\-*/%^]/y;
const groupingWords = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);
const operators = new Set(["and", "or", "unless", "bool", "offset"]);
const functionNames = new Set("rate increase histogram_quantile sum count min max topk vector".split(" "));

/** Throws on what is none of the words it knows. */
export function parsePromql(expression: string): Asked {
  const reader = new Reader(tokensOf(expression));
  try {
    reader.read();
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : String(cause)}: ${expression}`, { cause });
  }
  return reader;
}

class Reader implements Asked {
  readonly selectors: Selector[] = [];
  readonly grouping: string[] = [];
  readonly functions = new Set<string>();
  readonly #tokens: readonly string[];
  #at = 0;
  /** The function of each parenthesis that is open. */
  readonly #open: (string | undefined)[] = [];
  #pending: string | undefined;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  read(): void {
    for (; this.#at < this.#tokens.length; this.#at++) this.#take(this.#tokens[this.#at] ?? "");
    if (this.#open.length > 0) throw new Error("a parenthesis is not closed");
  }

  #take(word: string): void {
    if (word === "(") {
      this.#open.push(this.#pending);
      this.#pending = undefined;
    } else if (word === ")") this.#close();
    else if (groupingWords.has(word)) this.#takeGrouping();
    else if (isFunction(word, this.#tokens[this.#at + 1])) this.#takeFunction(word);
    else if (/^[a-zA-Z_:]/.test(word) && !operators.has(word)) this.#takeSelector(word);
  }

  #close(): void {
    if (this.#open.length === 0) throw new Error("a parenthesis too many");
    this.#open.pop();
  }

  #takeGrouping(): void {
    const end = this.#tokens.indexOf(")", this.#at);
    this.grouping.push(...this.#tokens.slice(this.#at + 2, end).filter((each) => each !== ","));
    this.#at = end;
  }

  #takeFunction(name: string): void {
    if (!functionNames.has(name)) throw new Error(`no function of the dashboard, ${name}`);
    this.functions.add(name);
    this.#pending = name;
  }

  #takeSelector(metric: string): void {
    const hasLabels = this.#tokens[this.#at + 1] === "{";
    const end = hasLabels ? this.#tokens.indexOf("}", this.#at) : this.#at;
    const labels = this.#tokens.slice(this.#at + 2, end).filter((each) => /^[a-zA-Z_]/.test(each));
    this.selectors.push({ metric, labels, within: this.#open.at(-1) });
    this.#at = end;
  }
}

function isFunction(word: string, next: string | undefined): boolean {
  return /^[a-z_]+$/.test(word) && !operators.has(word) && (next === "(" || groupingWords.has(next ?? ""));
}

function tokensOf(expression: string): readonly string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < expression.length) {
    const at = token.lastIndex;
    const [found] = token.exec(expression) ?? [];
    if (found === undefined) throw new Error(`no PromQL at ${at}: ${expression}`);
    if (found.trim() !== "") tokens.push(found);
  }
  return tokens;
}
