/** Sides that take turns: who begins, and how what they measured becomes the cells of a table. */
import { type Spread, spreadOf } from "../statistics.ts";

/** Every measurement also says what else the machine did meanwhile. */
export interface Watched {
  /** Share of the machine (0…1) that was in other hands; undefined where that cannot be known. */
  readonly foreignShare: number | undefined;
}

/** What each side measured in one turn, in which they can be compared. */
export type Round<Window extends Watched> = ReadonlyMap<string, Window>;

export type Read<Window> = (window: Window) => number | undefined;

/**
 * Above it a measurement tells of other programs rather than of the side. Clocks tick at 10 ms, which is some per cent of
 * a measurement of half a second.
 */
const noisyShare = 0.1;
/** Measurements that must remain where the noisy ones are left out. */
const enoughQuiet = 3;

/** Each round begins with another side, so that none always follows the same neighbour's heat or garbage. */
export function rotated<Side>(sides: readonly Side[], by: number): readonly Side[] {
  const start = sides.length === 0 ? 0 : by % sides.length;
  return [...sides.slice(start), ...sides.slice(0, start)];
}

/** Median and range of a side over the rounds; undefined when it measured no such thing. */
export function medianOf<Window extends Watched>(
  rounds: readonly Round<Window>[],
  side: string,
  read: Read<Window>,
): Spread | undefined {
  return spreadOf(usable(rounds, [side]).flatMap((round) => present(round.get(side), read)));
}

/** How many times as much as `base` measured in the same round. Undefined for the base itself. */
export function ratioOf<Window extends Watched>(
  rounds: readonly Round<Window>[],
  { side, base }: { readonly side: string; readonly base: string },
  read: Read<Window>,
): Spread | undefined {
  if (side === base) return undefined;
  return spreadOf(
    usable(rounds, [side, base]).flatMap((round) => {
      const [own] = present(round.get(side), read);
      const [other] = present(round.get(base), read);
      return own === undefined || other === undefined ? [] : [own / other];
    }),
  );
}

/** The side's name, with a * where there are too few quiet measurements to leave the noisy ones out. */
export function marked<Window extends Watched>(rounds: readonly Round<Window>[], side: string): string {
  return usable(rounds, [side]).some((round) => isNoisy(round.get(side))) ? `${side} *` : side;
}

/** A sentence that explains the mark and says how much was noisy. */
export function noiseLine(windows: readonly Watched[]): string {
  const noisy = windows.filter(isNoisy).length;
  const rule = `left out where ${enoughQuiet} quiet ones remain, else the row bears a *`;
  return `${noisy} of ${windows.length} measurements had more than ${noisyShare * 100} % of the machine in other hands; they are ${rule}.`;
}

/** The quiet rounds of these sides where there are enough of them, else all. */
function usable<Window extends Watched>(
  rounds: readonly Round<Window>[],
  sides: readonly string[],
): readonly Round<Window>[] {
  const quiet = rounds.filter((round) => sides.every((side) => !isNoisy(round.get(side))));
  return quiet.length >= enoughQuiet ? quiet : rounds;
}

function isNoisy(window: Watched | undefined): boolean {
  return (window?.foreignShare ?? 0) > noisyShare;
}

function present<Window>(window: Window | undefined, read: Read<Window>): readonly number[] {
  const found = window === undefined ? undefined : read(window);
  return found === undefined ? [] : [found];
}

/** A number as it is read best: three significant digits, all of the whole ones. */
export function figure(value: number): string {
  const size = Math.abs(value);
  const whole = size < 1 ? 0 : Math.floor(Math.log10(size)) + 1;
  const digits = size === 0 ? 0 : Math.max(0, Math.min(4, 3 - whole));
  return value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `median (min–max)`; a dash where there is nothing. */
export function cell(spread: Spread | undefined): string {
  if (spread === undefined) return "–";
  const [median, min, max] = [spread.median, spread.min, spread.max].map(figure);
  return min === max ? `${median}` : `${median} (${min}–${max})`;
}

/** A table in Markdown: the first `left` columns to the left, figures to the right. */
export function table(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  { left = 1 }: { readonly left?: number } = {},
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = heads.map((_, column) => (column < left ? "---" : "---:")).join("|");
  return [line(heads), `|${rule}|`, ...rows.map(line), ""].join("\n");
}
