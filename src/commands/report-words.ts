/** A report as tables for people. */
import type { BaselineFigures, Figures, GroupFigures, Interval, Measured, Report } from "../ledger/report.ts";
import { table } from "./terminal.ts";

export function reportInWords(report: Report, place: string): string {
  const { total, by, mixShare, measured } = report;
  const title = `${periodInWords(report)}, from ${place}`;
  if (total.exchanges === 0) return `${title}\n\nno exchange with a model was entered in that time\n`;
  const parts = [
    title,
    summary(total),
    savings(total, mixShare),
    ...(measured === undefined ? [] : [measuredInWords(measured)]),
    ...Object.entries(by).map(([grouping, groups]) => `by ${grouping}\n${groupTable(groups)}`),
    ...notes(total),
  ];
  return `${parts.join("\n\n")}\n`;
}

function periodInWords({ period: { fromMs, untilMs } }: Report): string {
  const from = fromMs === undefined ? "from the beginning" : `since ${timeInWords(fromMs)}`;
  return untilMs === undefined ? from : `${from}, until ${timeInWords(untilMs)}`;
}

function timeInWords(ms: number): string {
  return new Date(ms).toISOString().replace(/\.000Z$/, "Z");
}

function summary(total: Figures): string {
  const rows = [
    ["exchanges", count(total.exchanges)],
    ["attempts that may have cost", count(total.attempts)],
    ["input tokens", count(total.inputTokens)],
    ["output tokens", count(total.outputTokens)],
    ["models", money(total.costUsd, total.unknown)],
    ["routing", money(total.routingUsd, total.routingUnknown)],
    ["spent", money(total.costUsd + total.routingUsd, total.unknown + total.routingUnknown)],
  ];
  return table(rows, [1]);
}

/** What the same tokens would have cost elsewhere. */
function savings({ baselines }: Figures, mixShare: number | undefined): string {
  const rows = Object.entries(baselines)
    .toSorted(([, a], [, b]) => b.costUsd - a.costUsd)
    .map(([name, figures]) => [
      nameInWords(name),
      money(figures.costUsd, figures.unknown),
      savedInWords(figures),
      percentOf(figures.savedShare),
    ]);
  if (rows.length === 0) return "no baseline: nothing was answered";
  const lines = [
    "the same tokens at other prices, against what was spent, routing included",
    table([["", "USD", "saved USD", "saved"], ...rows], [1, 2, 3]),
  ];
  if (mixShare !== undefined)
    lines.push(
      `as dear as a random mix that sends ${percent(mixShare)} to the strongest and the rest to the cheapest`,
    );
  return lines.join("\n");
}

function nameInWords(name: string): string {
  if (name === "strongest" || name === "cheapest") return `always the ${name}`;
  return name.replace(/^target:/, "always ");
}

function savedInWords({ savedUsd }: BaselineFigures): string {
  return savedUsd === undefined ? "unknown" : dollars(savedUsd);
}

function measuredInWords({ holdout, routed, savedUsd, savedShare }: Measured): string {
  const rows = [holdout, routed].map((arm, index) => [
    index === 0 ? "sent to the baseline by chance" : "routed",
    count(arm.exchanges),
    dollars(arm.meanUsd),
  ]);
  const share =
    savedShare === undefined ? "" : `, ${percent(savedShare.value)} (${range(savedShare, percent)})`;
  return [
    "measured: the random share that was sent to the baseline, against the rest",
    table([["", "exchanges", "USD each"], ...rows], [1, 2]),
    `saved ${dollars(savedUsd.value)} an exchange (95 %: ${range(savedUsd, dollars)})${share}`,
  ].join("\n");
}

function range({ low, high }: Interval, write: (value: number) => string): string {
  return `${write(low)} to ${write(high)}`;
}

function groupTable(groups: readonly GroupFigures[]): string {
  const rows = groups
    .toSorted((a, b) => b.costUsd - a.costUsd || (a.name ?? "").localeCompare(b.name ?? ""))
    .map((group) => [
      group.name ?? "(none)",
      count(group.exchanges),
      count(group.inputTokens),
      count(group.outputTokens),
      money(group.costUsd, group.unknown),
      percentOf(group.baselines["strongest"]?.savedShare),
    ]);
  const heads = ["", "exchanges", "input", "output", "USD", "saved on the strongest"];
  return table([heads, ...rows], [1, 2, 3, 4, 5]);
}

function notes({ estimated, unknown, routingUnknown }: Figures): readonly string[] {
  const lines: string[] = [];
  if (unknown > 0)
    lines.push(`${count(unknown)} attempts have an unknown price: sums marked + are not complete`);
  if (routingUnknown > 0) lines.push(`what routing cost is unknown for ${count(routingUnknown)} exchanges`);
  if (estimated > 0)
    lines.push(`${count(estimated)} exchanges have estimated tokens: no vendor counted them`);
  return lines.length === 0 ? [] : [lines.join("\n")];
}

/** A sum that is not complete is at least that much. */
function money(usd: number, unknown: number): string {
  return unknown === 0 ? dollars(usd) : `${dollars(usd)}+`;
}

/** To the micro-dollar, as small sums matter in tests of routing. */
function dollars(usd: number): string {
  return usd.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 6 });
}

function count(value: number): string {
  return value.toLocaleString("en");
}

function percentOf(share: number | undefined): string {
  return share === undefined ? "" : percent(share);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
