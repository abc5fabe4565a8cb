/** Strings with places that a request fills in: `$(headers.NAME)`, `$(query_params.NAME)`, `$(uri_captures.NAME)`. */
import { GatewayError } from "../errors.ts";

/** Where values come from. */
export interface TemplateSource {
  /** A header by its lower-case name. */
  header(name: string): string | undefined;
  /** A parameter of the query, decoded. */
  query(name: string): string | undefined;
  /** A group of the route's regular expression, percent-encoded as in the path. */
  capture(name: string): string | undefined;
}

export interface Template {
  /** There is nothing to fill in: `render` always gives the same. */
  readonly isConstant: boolean;
  /** Throws `GatewayError`: `template_missing` for a value the request lacks, `template_unsafe` for one a URL must not hold. */
  render(source: TemplateSource): string;
}

export interface TemplateOptions {
  /**
   * The result is a URL, or a path and query: values are percent-encoded, so that none can add a segment, a query or
   * a fragment, climb up, or change the host beyond the place it was given. Empty values count as missing.
   */
  readonly encode?: boolean;
}

/**
 * Reads a template once, for any number of requests. Any number of places per string; values are inserted as they
 * are and never read as templates. Throws `GatewayError`: `template_source` for an unknown source, `template_invalid`
 * (with the reason as its cause) for what cannot be read; `field` names the setting in the message.
 */
export function compileTemplate(field: string, text: string, options: TemplateOptions = {}): Template {
  const pieces = readPieces(field, text);
  if (pieces.every((piece) => typeof piece === "string")) return { isConstant: true, render: () => text };
  const steps =
    options.encode === true ? encodedSteps(field, pieces) : pieces.map((piece) => step(piece, asItIs));
  return {
    isConstant: false,
    render: (source) => {
      let result = "";
      for (const next of steps) result += typeof next === "string" ? next : next(source);
      return result;
    },
  };
}

/** One `$(source.key)`. */
interface Place {
  readonly source: SourceName;
  readonly key: string;
}

type SourceName = keyof typeof sources;
type Step = string | ((source: TemplateSource) => string);
type Insert = (value: string, place: Place) => string;

/** How a key is looked up, by source. */
const sources = {
  headers: (from: TemplateSource, key: string) => {
    const name = key.toLowerCase();
    // Kong takes `x_some_header` for `x-some-header`; a header that really has underscores comes first.
    return from.header(name) ?? (name.includes("_") ? from.header(name.replaceAll("_", "-")) : undefined);
  },
  query_params: (from: TemplateSource, key: string) => from.query(key),
  uri_captures: (from: TemplateSource, key: string) => from.capture(key),
} as const;

function readPieces(field: string, text: string): (string | Place)[] {
  const pieces: (string | Place)[] = [];
  let at = 0;
  for (let open = text.indexOf("$("); open !== -1; open = text.indexOf("$(", at)) {
    if (open > at) pieces.push(text.slice(at, open));
    const close = text.indexOf(")", open);
    if (close === -1) throw invalid(field, "a $( is not closed");
    pieces.push(readPlace(field, text.slice(open + 2, close)));
    at = close + 1;
  }
  if (at < text.length) pieces.push(text.slice(at));
  return pieces;
}

function readPlace(field: string, expression: string): Place {
  const [, source = "", key = ""] = /^(\w+)\.([^.\s()$]+)$/.exec(expression) ?? [];
  if (source === "")
    throw invalid(field, `$(${expression}) is not of the form $(source.key), with a key without dots`);
  if (!isSource(source)) throw new GatewayError("template_source", { source });
  return { source, key };
}

function isSource(name: string): name is SourceName {
  return Object.hasOwn(sources, name);
}

function invalid(field: string, reason: string): GatewayError {
  return new GatewayError("template_invalid", { field }, { cause: new Error(reason) });
}

function step(piece: string | Place, insert: Insert): Step {
  if (typeof piece === "string") return piece;
  return (source) => {
    const value = sources[piece.source](source, piece.key);
    if (value === undefined)
      throw new GatewayError("template_missing", { source: piece.source, key: piece.key });
    return insert(value, piece);
  };
}

const asItIs: Insert = (value) => value;

/** `scheme://authority` at the start of a URL. */
const authorityStart = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Places up to the first slash after `scheme://` are in the authority, the others in path, query or fragment. */
function encodedSteps(field: string, pieces: readonly (string | Place)[]): Step[] {
  const [first] = pieces;
  const prefix = typeof first === "string" ? authorityStart.exec(first)?.[0] : undefined;
  if (prefix === undefined) return pieces.map((piece) => step(piece, asUrlPart));
  let authority = "";
  let isInside = true;
  return pieces.map((piece, index) => {
    if (!isInside) return step(piece, asUrlPart);
    if (typeof piece !== "string") {
      authority += placeMark;
      if (index === pieces.length - 1) checkAuthority(field, authority);
      return step(piece, asHostPart);
    }
    const literal = index === 0 ? piece.slice(prefix.length) : piece;
    const end = literal.search(/[/?#\\]/);
    authority += end === -1 ? literal : literal.slice(0, end);
    if (end === -1 && index < pieces.length - 1) return piece;
    isInside = false;
    checkAuthority(field, authority);
    return piece;
  });
}

/** Stands for a place while the authority is looked at; cannot occur in a URL. */
const placeMark = "\n";

/**
 * `https://api.example.com$(headers.x)` would let `.evil.org` or `evil.org` through as another host. A host ends in the
 * operator's text, or is wholly the request's to name (`https://$(headers.host)/`), which is then the operator's word.
 */
function checkAuthority(field: string, authority: string): void {
  const host = authority.replace(/:[^:\]]*$/, "");
  if (!host.endsWith(placeMark) || host.replaceAll(placeMark, "") === "") return;
  throw invalid(field, "a value at the end of the host name could change the host; put a / between the two");
}

/** Part of a host name or a port: letters, digits and hyphens, in labels. */
const asHostPart: Insert = (value, { source, key }) => {
  if (value === "") throw new GatewayError("template_missing", { source, key });
  if (!/^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/.test(value))
    throw new GatewayError("template_unsafe", { source, key });
  return value;
};

/**
 * One part of a path segment or query value. Dots alone are refused, since URL parsers take even `%2e%2e` for a dot
 * segment (WHATWG URL, "double-dot URL path segment") and no spelling of them would be safe.
 */
const asUrlPart: Insert = (value, { source, key }) => {
  if (value === "") throw new GatewayError("template_missing", { source, key });
  // A capture comes from a path and is encoded already; encoding it twice would change it.
  const plain = source === "uri_captures" ? decoded(value) : value;
  if (/^(?:\.|%2e)*$/i.test(plain)) throw new GatewayError("template_unsafe", { source, key });
  try {
    return encodeURIComponent(plain).replace(/\.{2,}/g, (dots) => "%2E".repeat(dots.length));
  } catch (cause) {
    // Half of a surrogate pair has no encoding.
    throw new GatewayError("template_unsafe", { source, key }, { cause });
  }
};

/** Leaves what is not well encoded as it came, to be encoded as text. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
