/** What there is to say about moving a file of Kong's to this gateway. */

/** In the order they are shown. */
export const groups = ["unsupported", "different", "converted", "doubtful", "ignored", "better"] as const;

/**
 * unsupported: would be refused here, and is left out of the file that is written · different: works in another way ·
 * converted: written another way · doubtful: probably a mistake · ignored: accepted without effect · better: gained.
 */
export type Group = (typeof groups)[number];

export interface Finding {
  readonly group: Group;
  /** Of the file as it was read; "" for the gateway as a whole. */
  readonly path: string;
  /** From 1; undefined where no one place of the file is meant. */
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  readonly message: string;
  /** What is left out for it, e.g. `plugin acl`. */
  readonly leftOut?: string | undefined;
  /** What it means that this is left out. */
  readonly consequence?: string | undefined;
  /** Page of the guide that says more. */
  readonly see?: string | undefined;
}

const titles: { readonly [Name in Group]: string } = {
  unsupported: "Not supported here, left out",
  different: "Works in another way here",
  converted: "Written another way",
  doubtful: "Probably a mistake, here as there",
  ignored: "Accepted without effect",
  better: "Better here",
};

/** How many of a group there are, for the summary. */
const counts: { readonly [Name in Group]: string } = {
  unsupported: "left out",
  different: "different",
  converted: "converted",
  doubtful: "doubtful",
  ignored: "without effect",
  better: "better",
};

/** Lines for people. `file` is what the file is called. */
export function words(file: string, findings: readonly Finding[]): readonly string[] {
  const sections = groups.flatMap((group) => {
    const members = findings.filter((finding) => finding.group === group);
    return members.length === 0
      ? []
      : ["", titles[group], ...members.flatMap((finding) => lines(file, finding))];
  });
  const summary = groups.map(
    (group) => [findings.filter((each) => each.group === group).length, group] as const,
  );
  const parts = summary.filter(([count]) => count > 0).map(([count, group]) => `${count} ${counts[group]}`);
  return [`${file}: ${parts.join(", ")}`, ...sections];
}

function lines(
  file: string,
  { column, consequence, leftOut, line, message, path, see }: Finding,
): readonly string[] {
  const place = line === undefined ? "" : `${file}:${line}:${column ?? 1}: `;
  const subject = [path, leftOut].filter((part) => part !== undefined && part !== "").join(", ");
  const more = see === undefined ? "" : ` (docs/guide/${see})`;
  return [
    `  ${place}${subject === "" ? "" : `${subject}: `}${message}${more}`,
    ...(consequence === undefined ? [] : [`    ${consequence}`]),
  ];
}
