/** What the loader says of a file that is being converted, where the values of its variables may not be known. */
import { loadConfig } from "../../config/load.ts";
import type { Problem } from "../../config/problem.ts";
import { plugins } from "../../plugins/index.ts";
import type { SourceDocument } from "./source-document.ts";
import type { GuessedVariables } from "./variables.ts";

/** Problems of the file as it is now, without those of values that are only guessed. */
export function problemsOf(document: SourceDocument, variables: GuessedVariables): readonly Problem[] {
  const isGuessed = ({ about, steps }: Problem) =>
    about === "value" && variables.isGuessed(document.expressionsIn(steps));
  for (;;) {
    const { problems } = loadConfig(document.text(), { file: "", env: variables.environment(), plugins });
    const doubtful = problems.filter((problem) => problem.severity === "error" && isGuessed(problem));
    const isOther = doubtful.map(({ steps }) => variables.guessAgain(document.expressionsIn(steps)));
    if (!isOther.includes(true)) return problems.filter((problem) => !isGuessed(problem));
  }
}
