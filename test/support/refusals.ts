/** What the control plane refuses, as tests look at it. */
import { Refusal } from "../../src/control/refusal.ts";

/** The refusal that is thrown; fails where nothing is, and throws on what is none. */
export function refusalOf(work: () => unknown): Refusal {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** The same of a promise. */
export async function refusalFrom(work: Promise<unknown>): Promise<Refusal> {
  const outcome = await work.then(
    () => new Error("nothing was refused"),
    (error: unknown) => error,
  );
  if (outcome instanceof Refusal) return outcome;
  throw outcome;
}
