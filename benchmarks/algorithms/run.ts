/**
 * What each balancing algorithm is worth against a naive version of it, simulated in virtual time. Started by
 * `node benchmarks/run.mjs algorithms`.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { table } from "../measuring/rounds.ts";
import { scenarios } from "./scenarios/index.ts";

const { values } = parseArgs({
  options: { seed: { type: "string", default: "1" }, out: { type: "string" }, only: { type: "string" } },
});
if (!/^\d{1,9}$/.test(values.seed))
  throw new Error(`--seed takes a whole number of up to nine digits, not "${values.seed}"`);
const seed = Number(values.seed);
const chosen = scenarios.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0) {
  const names = scenarios.map(({ name }) => name).join(", ");
  throw new Error(`--only takes one of ${names}, not "${values.only}"`);
}

const parts = chosen.map(({ name, about, run }) => {
  process.stderr.write(`${name}\n`);
  const { heads, rows } = run(seed);
  return `### ${name}\n\n${about}\n\n${table(heads, rows)}`;
});
const report = `Seed ${seed}; virtual time, the same figures on every machine.\n\n${parts.join("\n")}`;
process.stdout.write(report);
if (values.out !== undefined) writeFileSync(values.out, report);
