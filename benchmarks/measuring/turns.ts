/** One round: every side is measured once, and watched meanwhile. */
import { watchNeighbours } from "./neighbours.ts";
import { type Round, rotated, type Watched } from "./rounds.ts";

/** Rejects with the name of the side that failed. `watch` starts to watch the machine. */
export async function measureInTurn<Side extends { readonly name: string }, Window>(
  sides: readonly Side[],
  round: number,
  measure: (side: Side) => Promise<Window>,
  watch = watchNeighbours,
): Promise<Round<Window & Watched>> {
  const measured = new Map<string, Window & Watched>();
  for (const side of rotated(sides, round)) {
    const share = watch();
    try {
      const window = await measure(side);
      measured.set(side.name, { ...window, foreignShare: share() });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${side.name} cannot be measured: ${reason}`, { cause });
    }
  }
  return measured;
}
