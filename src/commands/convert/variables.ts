/** Values for variables that are not set where a file is converted, so that the rest of it can be checked. */
import { substitute } from "../../config/substitution.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Tried in turn, until the value fits its place. */
const guesses: readonly ((index: number) => string)[] = [
  (index) => `variable-${index}`,
  () => "1",
  () => "100",
  () => "0.5",
  () => "true",
  (index) => `http://variable-${index}.invalid/`,
  (index) => `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
];

const vaultField = /\{vault:\/\/[^/{}?]+\/[^/{}?]+\/([^/{}?]+)/g;
const variableName = /env\s*["'`]([^"'`]*)["'`]/;

/** What all references to vaults share: which variable one stands for depends on the vault's prefix. */
const vaults = "{vault}";

export class GuessedVariables {
  readonly #env: Environment;
  readonly #attempts = new Map<string, number>();
  readonly #fields: readonly string[];

  /** What `env` has is taken from there. */
  constructor(text: string, env: Environment) {
    this.#env = env;
    this.#fields = [...text.matchAll(vaultField)].map(([, field = ""]) => field);
    for (const { name } of substitute(text, {}).substitutions)
      if (name.startsWith("DECK_") && env[name] === undefined) this.#attempts.set(name, 0);
  }

  /** Names that the file uses and the environment lacks. */
  names(): readonly string[] {
    return [...this.#attempts.keys()].filter((name) => name !== vaults);
  }

  /** Has a value for every name that may be asked for. */
  environment(): Environment {
    return new Proxy({}, { get: (_, name) => this.#read(String(name)) });
  }

  /** Is some value guessed that these expressions stand for? */
  isGuessed(expressions: readonly string[]): boolean {
    return this.#guessed(expressions).length > 0;
  }

  /** Takes the next guess for these expressions; false when none is left. */
  guessAgain(expressions: readonly string[]): boolean {
    const open = this.#guessed(expressions).filter((name) => this.#attempt(name) < guesses.length - 1);
    for (const name of open) this.#attempts.set(name, this.#attempt(name) + 1);
    return open.length > 0;
  }

  #guessed(expressions: readonly string[]): readonly string[] {
    const names = expressions.map((expression) =>
      expression.startsWith("{vault:") ? vaults : (variableName.exec(expression)?.[1] ?? ""),
    );
    return names.filter((name) => name === vaults || this.#attempts.has(name));
  }

  #attempt(name: string): number {
    return this.#attempts.get(name) ?? 0;
  }

  #read(name: string): string {
    const given = this.#env[name];
    if (given !== undefined) return given;
    const isKnown = this.#attempts.has(name);
    const guess = guesses[this.#attempt(isKnown ? name : vaults)];
    const value = guess?.([...this.#attempts.keys()].indexOf(name) + 1) ?? "";
    // A vault's variable can hold JSON, of which the file asks for fields.
    if (isKnown || this.#fields.length === 0) return value;
    return JSON.stringify(Object.fromEntries(this.#fields.map((field) => [field, value])));
  }
}
