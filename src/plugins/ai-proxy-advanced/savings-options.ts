/** The block `savings`: what costs are compared with, and how the difference is measured. */
import { z } from "zod";
import { nearestName } from "../../util/nearest-name.ts";
import type { OptionFault } from "../../util/option-rules.ts";
import type { TargetOptions } from "./target-options.ts";

export const savingsOptions = z
  .strictObject({
    baseline: z
      .string()
      .min(1)
      .describe(
        "Alias or model name of the target that stands for “always the strongest”; left out, it is the dearest.",
      )
      .optional(),
    holdout: z
      .number()
      .min(0)
      .max(0.5)
      .default(0)
      .describe(
        "Random share of the requests that goes to the baseline, so that what routing saves is measured and not only worked out.",
      ),
  })
  .describe("What costs are compared with.");

export type SavingsOptions = z.output<typeof savingsOptions>;

/** The place of the named target; undefined where none is named, or none has that name. */
export function baselineIndex(
  { baseline }: SavingsOptions,
  targets: readonly TargetOptions[],
): number | undefined {
  const index = targets.findIndex((target) => namesOf(target).includes(baseline));
  return index === -1 ? undefined : index;
}

/** Faults of the block; paths are relative to it. */
export function checkSavings(
  savings: SavingsOptions,
  targets: readonly TargetOptions[],
): readonly OptionFault[] {
  const { baseline } = savings;
  if (baseline === undefined || baselineIndex(savings, targets) !== undefined) return [];
  const names = targets.flatMap(namesOf).filter((name) => name !== undefined);
  const near = nearestName(baseline, names);
  const hint = near === undefined ? `there are ${[...new Set(names)].join(", ")}` : `did you mean ${near}?`;
  return [{ path: ["baseline"], message: `no target is called "${baseline}": ${hint}` }];
}

function namesOf({ model }: TargetOptions): readonly (string | undefined)[] {
  return [model.model_alias, model.name].filter((name) => name !== undefined && name !== "");
}
