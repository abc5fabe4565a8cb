/** What the loader says of a file that is being converted, where the values of its variables may not be known. */
import { loadConfig } from "../../config/load.ts";
import { type Path, type Problem, parsePath } from "../../config/problem.ts";
import { plugins } from "../../plugins/index.ts";
import type { SourceDocument } from "./source-document.ts";
import type { GuessedVariables } from "./variables.ts";

/** A problem and the steps to its place. */
export interface PlacedProblem extends Problem {
  readonly steps: Path;
}

/** Problems of the file as it is now, without those of values that are only guessed. */
export function problemsOf(document: SourceDocument, variables: GuessedVariables): readonly PlacedProblem[] {
  for (;;) {
    const { problems } = loadConfig(document.text(), { file: "", env: variables.environment(), plugins });
    const placed = problems.map((problem) => ({ ...problem, steps: parsePath(problem.path) }));
    const doubtful = placed.filter(
      ({ severity, steps }) => severity === "error" && variables.isGuessed(document.expressionsIn(steps)),
    );
    const isOther = doubtful.map(({ steps }) => variables.guessAgain(document.expressionsIn(steps)));
    if (!isOther.includes(true))
      return placed.filter(({ steps }) => !variables.isGuessed(document.expressionsIn(steps)));
  }
}
