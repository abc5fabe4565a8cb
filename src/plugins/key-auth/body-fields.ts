/** Fields of a request body that may hold a key: finding them, and taking them out. */
import { isJsonObject } from "../../llm/json.ts";
import { withoutPairs } from "./pairs.ts";

/** A body in one of the three formats that are looked into. */
export interface BodyFields {
  /** All values of a field, in order; what is no text stays what it is. */
  values(name: string): readonly unknown[];
  /** The body without these fields; the very same bytes where it has none of them. */
  without(names: ReadonlySet<string>): Buffer;
}

/** How to read the fields out of a body. */
export type BodyFormat = (bytes: Buffer) => BodyFields;

/** Undefined where the type is another one. */
export function bodyFormat(contentType: string | undefined): BodyFormat | undefined {
  const type = contentType?.split(";")[0]?.trim().toLowerCase();
  if (type === "application/json") return jsonFields;
  if (type === "application/x-www-form-urlencoded") return formFields;
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType ?? "") ?? [];
  const boundary = quoted ?? plain;
  if (type !== "multipart/form-data" || boundary === undefined) return undefined;
  return (bytes) => multipartFields(bytes, boundary);
}

/** A body that is no JSON object has no fields; whoever needs it to be one will say so. */
function jsonFields(bytes: Buffer): BodyFields {
  const value = parse(bytes);
  const fields = isJsonObject(value) ? value : {};
  return {
    values(name) {
      const found = Object.hasOwn(fields, name) ? fields[name] : undefined;
      return Array.isArray(found) ? found : found === undefined ? [] : [found];
    },
    without(names) {
      const kept = Object.entries(fields).filter(([name]) => !names.has(name));
      if (kept.length === Object.keys(fields).length) return bytes;
      return Buffer.from(JSON.stringify(Object.fromEntries(kept)));
    },
  };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

function formFields(bytes: Buffer): BodyFields {
  const text = bytes.toString("latin1"); // keeps every byte, whatever it means
  const fields = new URLSearchParams(bytes.toString("utf8"));
  return {
    values: (name) => fields.getAll(name),
    without(names) {
      const kept = withoutPairs(text, names);
      return kept === text ? bytes : Buffer.from(kept, "latin1");
    },
  };
}

interface Part {
  readonly name: string;
  /** Undefined for a file. */
  readonly value: string | undefined;
  /** From its delimiter to the next one. */
  readonly start: number;
  readonly end: number;
}

function multipartFields(bytes: Buffer, boundary: string): BodyFields {
  const parts = splitParts(bytes, `--${boundary}`);
  return {
    values: (name) =>
      parts.filter((part) => part.name === name && part.value !== undefined).map(({ value }) => value),
    without(names) {
      const dropped = parts.filter(({ name }) => names.has(name));
      let from = 0;
      const kept: Buffer[] = [];
      for (const { end, start } of dropped) {
        kept.push(bytes.subarray(from, start));
        from = end;
      }
      return dropped.length === 0 ? bytes : Buffer.concat([...kept, bytes.subarray(from)]);
    },
  };
}

/** RFC 2046, section 5.1.1: a part lies between two delimiters that begin a line; its head ends with an empty line. */
function splitParts(bytes: Buffer, delimiter: string): readonly Part[] {
  const parts: Part[] = [];
  let start = bytes.indexOf(delimiter);
  while (start >= 0) {
    const next = bytes.indexOf(`\r\n${delimiter}`, start + delimiter.length);
    if (next < 0) break;
    const text = bytes.toString("utf8", start + delimiter.length, next);
    const headEnd = text.indexOf("\r\n\r\n");
    const head = text.slice(0, Math.max(0, headEnd));
    const disposition = /^content-disposition:\s*form-data\s*;(.*)$/im.exec(head)?.[1] ?? "";
    const [, name] = /(?:^|;)\s*name="([^"]*)"/i.exec(disposition) ?? [];
    const isFile = /(?:^|;)\s*filename\*?=/i.test(disposition);
    if (name !== undefined && headEnd >= 0)
      parts.push({ name, value: isFile ? undefined : text.slice(headEnd + 4), start, end: next + 2 });
    start = next + 2;
  }
  return parts;
}
