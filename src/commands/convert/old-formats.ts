/** Older formats of the file: what is written another way since 3.0. */
import { formatPath, type Path } from "../../config/problem.ts";
import type { Finding } from "./findings.ts";
import type { SourceDocument } from "./source-document.ts";

/** Formats that are 3.0 but for what is done here. */
const older = ["1.1", "2.1"];

/** Until 3.0 a path with any other character was an expression; since then one begins with `~`. */
const plainPath = /^[\w.\-~/%]*$/;

/** Makes the file one of format 3.0; undefined when its format is not known. */
export function updateFormat(document: SourceDocument): readonly Finding[] | undefined {
  const version = document.value(["_format_version"]);
  if (version === "3.0") return [];
  const isMissing = version === undefined || version === null;
  if (!isMissing && version !== 3 && !older.includes(versionText(version))) return undefined;
  const place = document.placeOf(["_format_version"]);
  document.setText("_format_version", "3.0");
  const found = isMissing ? "missing" : versionText(version);
  const finding: Finding = {
    group: "converted",
    path: "_format_version",
    line: version === undefined ? undefined : place.line,
    column: version === undefined ? undefined : place.column,
    message: version === 3 ? 'a number, now the text "3.0"' : `${found}, now "3.0"`,
  };
  return older.includes(versionText(version)) ? [finding, ...markExpressions(document)] : [finding];
}

function versionText(version: unknown): string {
  return typeof version === "number" ? version.toFixed(1) : String(version);
}

function markExpressions(document: SourceDocument): readonly Finding[] {
  return pathsOfRoutes(document).flatMap((steps): readonly Finding[] => {
    const path = document.value(steps);
    if (typeof path !== "string" || plainPath.test(path) || path.startsWith("~")) return [];
    document.set(steps, `~${path}`);
    const { column, line } = document.placeOf(steps);
    const message = "an expression, which begins with ~ since 3.0";
    return [{ group: "converted", path: formatPath(steps), line, column, message }];
  });
}

function pathsOfRoutes(document: SourceDocument): readonly Path[] {
  const nested = indices(document, ["services"]).flatMap((service) =>
    indices(document, [...service, "routes"]),
  );
  return [...indices(document, ["routes"]), ...nested].flatMap((route) =>
    indices(document, [...route, "paths"]),
  );
}

function indices(document: SourceDocument, list: Path): readonly Path[] {
  const value = document.value(list);
  return Array.isArray(value) ? value.map((_, index) => [...list, index]) : [];
}
