/** The rules about who may import whom, as functions from sources to complaints, so that each can be tried on a planted fault. */
import { posix } from "node:path";
import { withoutComments } from "./sources.ts";

/** Path below `src/` → text. */
export type Sources = ReadonlyMap<string, string>;

/** Path → why it may break a rule. */
export type Exceptions = Readonly<Record<string, string>>;

export interface Import {
  readonly from: string;
  /** Path below `src/`, or the name of a package. */
  readonly to: string;
}

const importPattern =
  /(?:^|\n)[ \t]*(?:import|export)\b[^"';]*?\bfrom\s*"([^"]+)"|(?:^|\n)[ \t]*import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/g;

/** Type-only imports count like the others: they bind two files as firmly. */
export function importsOf(sources: Sources): readonly Import[] {
  const imports: Import[] = [];
  for (const [from, text] of sources) {
    for (const match of withoutComments(text).matchAll(importPattern)) {
      const specifier = match[1] ?? match[2] ?? match[3] ?? "";
      const to = specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : specifier;
      imports.push({ from, to });
    }
  }
  return imports;
}

/** Relative imports of files that do not exist or are not shipped: tests, contracts, and what lies outside `src/`. */
export function importsOfNothing(sources: Sources): readonly string[] {
  return importsOf(sources)
    .filter(isRelative)
    .filter(({ to }) => !sources.has(to))
    .map(written);
}

function isRelative({ to }: Import): boolean {
  return to.endsWith(".ts");
}

function written({ from, to }: Import): string {
  return `${from} → ${to}`;
}

/** Each cycle once, as a walk around it. */
export function findCycles(sources: Sources): readonly string[] {
  const targets = new Map<string, string[]>([...sources.keys()].map((path) => [path, []]));
  for (const { from, to } of importsOf(sources)) if (sources.has(to)) targets.get(from)?.push(to);
  const cycles: string[] = [];
  const finished = new Set<string>();
  const walk: string[] = [];
  const visit = (path: string): void => {
    const at = walk.indexOf(path);
    if (at !== -1) cycles.push([...walk.slice(at), path].join(" → "));
    if (at !== -1 || finished.has(path)) return;
    walk.push(path);
    for (const next of targets.get(path) ?? []) visit(next);
    walk.pop();
    finished.add(path);
  };
  for (const path of targets.keys()) visit(path);
  return cycles;
}

/** Imports of other files of ours than those under the allowed beginnings, from files under `where`. */
export function importsBeyond(
  sources: Sources,
  where: string,
  allowed: readonly string[],
): readonly string[] {
  return importsOf(sources)
    .filter((each) => each.from.startsWith(where) && isRelative(each))
    .filter(({ to }) => !allowed.some((beginning) => to.startsWith(beginning)))
    .map(written);
}

/** A family: a folder of members with a list of them. */
export interface Family {
  readonly folder: string;
  /** Files of the folder that the list imports without their being members: the contract. */
  readonly contracts: readonly string[];
}

/** `providers/openai` for every file that belongs to that member alone; what no list names belongs to the family. */
function memberOf(path: string, members: ReadonlySet<string>): string | undefined {
  for (const member of members) if (path === `${member}.ts` || path.startsWith(`${member}/`)) return member;
  return undefined;
}

/** The members of a family, by what its list imports. */
export function membersOf(sources: Sources, { folder, contracts }: Family): ReadonlySet<string> {
  const listed = importsOf(sources).filter(
    ({ from, to }) => from === `${folder}/index.ts` && to.startsWith(`${folder}/`),
  );
  const names = listed
    .map(({ to }) => to.slice(folder.length + 1))
    .filter((name) => !contracts.includes(name));
  return new Set(names.map((name) => `${folder}/${name.replace(/(?:\/.*|\.ts)$/, "")}`));
}

/** Members and lists that are imported from files where `isEngine` holds. */
export function enginesThatNameMembers(
  sources: Sources,
  families: readonly Family[],
  isEngine: (path: string) => boolean,
): readonly string[] {
  const members = new Set(families.flatMap((family) => [...membersOf(sources, family)]));
  const lists = new Set(families.map(({ folder }) => `${folder}/index.ts`));
  return importsOf(sources)
    .filter(
      ({ from, to }) =>
        isEngine(from) &&
        memberOf(from, members) === undefined &&
        (lists.has(to) || memberOf(to, members) !== undefined),
    )
    .map(written);
}

/** Members that import another member of their family. `allowed`: `member → member`, with the reason. */
export function membersThatNameSiblings(
  sources: Sources,
  families: readonly Family[],
  allowed: Exceptions,
): readonly string[] {
  return families.flatMap((family) => {
    const members = membersOf(sources, family);
    return importsOf(sources)
      .filter(({ from, to }) => {
        const [own, other] = [memberOf(from, members), memberOf(to, members)];
        return (
          own !== undefined &&
          other !== undefined &&
          own !== other &&
          allowed[`${own} → ${other}`] === undefined
        );
      })
      .map(written);
  });
}

/** Lines of code, comments aside, that match, outside the places where they may. */
export function linesWith(
  sources: Sources,
  pattern: RegExp,
  isAllowed: (path: string) => boolean,
): readonly string[] {
  const found: string[] = [];
  for (const [path, text] of sources) {
    if (isAllowed(path)) continue;
    for (const [index, line] of withoutComments(text).split("\n").entries()) {
      if (pattern.test(line)) found.push(`${path}:${index + 1}: ${line.trim()}`);
    }
  }
  return found;
}
