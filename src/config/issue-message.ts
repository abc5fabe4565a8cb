/** zod's issues in sentences that say what was expected, what was found, and what to do. */
import type { z } from "zod";
import { nearestName } from "../util/nearest-name.ts";
import type { FieldSchema } from "./field-schema.ts";
import { kindOf } from "./value.ts";

export interface IssueContext {
  /** The value in the file; undefined when it is absent. */
  readonly value: unknown;
  /** May the value be shown? Not for credentials, nor for what came from the environment or a vault. */
  readonly isPublic: boolean;
  readonly schema: FieldSchema | undefined;
}

/** One issue, other than `unrecognized_keys`, as the second half of a sentence that begins with the path. */
export function issueMessage(issue: z.core.$ZodIssue, context: IssueContext): string {
  if (issue.code === "custom" || issue.code === "invalid_format" || issue.code === "invalid_union")
    return withValue(issue.message, context);
  if (context.value === undefined) return missing(context.schema);
  switch (issue.code) {
    case "invalid_type":
      return wrongType(issue.expected, context.value);
    case "invalid_value":
      return wrongChoice(issue.values.map(String), context);
    case "too_small":
    case "too_big":
      return outOfRange(issue, context);
    default:
      return issue.message;
  }
}

/** "invalid value: …" tells the value, as Kong does, where it may be shown. */
function withValue(message: string, { isPublic, value }: IssueContext): string {
  if (!isPublic || typeof value !== "string") return message;
  return message.replace(/^invalid value:/, () => `invalid value '${shorten(value)}':`);
}

function missing(schema: FieldSchema | undefined): string {
  const choices = schema?.enum === undefined ? "" : ` (one of ${schema.enum.join(", ")})`;
  return `is required but missing${choices}`;
}

const typeNames: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a block of fields",
  record: "a block of fields",
};

function wrongType(expected: string, value: unknown): string {
  const wanted = typeNames[expected] ?? expected;
  if (expected === "int" && typeof value === "number")
    return "expected a whole number, found one with a fraction or too large a one";
  return `expected ${wanted}, found ${kindOf(value)}${hint(expected, value)}`;
}

/** The two slips of the pen that YAML makes easy. */
function hint(expected: string, value: unknown): string {
  const isNumeric = typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value));
  if ((expected === "number" || expected === "int") && isNumeric) return ": write the number without quotes";
  if (expected === "boolean" && typeof value === "string" && /^(yes|no|on|off|true|false)$/i.test(value)) {
    return ": write true or false, without quotes";
  }
  if (expected === "string" && (typeof value === "number" || typeof value === "boolean"))
    return ": put it in quotes";
  return "";
}

function wrongChoice(choices: readonly string[], { isPublic, value }: IssueContext): string {
  const found = isPublic && typeof value !== "object" ? `, found \`${shorten(String(value))}\`` : "";
  const near = typeof value === "string" && isPublic ? nearestName(value, choices) : undefined;
  const question = near === undefined ? "" : `: did you mean \`${near}\`?`;
  return `expected one of ${choices.join(", ")}${found}${question}`;
}

function outOfRange(
  issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig,
  { isPublic, schema, value }: IssueContext,
): string {
  const isNumber = typeof value === "number";
  const found = isNumber ? (isPublic ? `, found ${value}` : "") : sizeOf(value);
  const low = schema?.minimum ?? schema?.minItems ?? schema?.minLength;
  const high = schema?.maximum ?? schema?.maxItems;
  const unit = isNumber ? "be" : typeof value === "string" ? "have a length of" : "have";
  const items = Array.isArray(value) ? " items" : "";
  if (isNumber && low !== undefined && high !== undefined)
    return `must be between ${low} and ${high}${found}`;
  if (issue.code === "too_big") return `must ${unit} at most ${issue.maximum}${items}${found}`;
  if (typeof value === "string" && issue.minimum === 1) return "must not be empty";
  return `must ${unit} at least ${issue.minimum}${items}${found}`;
}

function sizeOf(value: unknown): string {
  return Array.isArray(value) ? `, found ${value.length}` : "";
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
