import type { Problem } from "../config/problem.ts";

/** A file that cannot be run; the message lists everything that is wrong with it. */
export class ConfigFileError extends Error {
  readonly problems: readonly Problem[];

  constructor(message: string, problems: readonly Problem[] = []) {
    super(message);
    this.problems = problems;
  }
}
