/** What the router is given, asked and answers; no schema and no config here. */

export interface RouteDefinition<Payload = unknown> {
  readonly id: string;
  readonly name?: string | undefined;
  /** Names, each with at most one `*` as its leftmost or rightmost label, and optionally a port. */
  readonly hosts?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  /** Prefixes, or regular expressions after a `~`. */
  readonly paths?: readonly string[] | undefined;
  /** Header name → accepted values; a single value that begins with `~*` is a regular expression. */
  readonly headers?: Readonly<Record<string, readonly string[]>> | undefined;
  /** What clients may speak; of which `http` and `https` count. Default: both. */
  readonly protocols?: readonly string[] | undefined;
  /** TLS server names, each with at most one `*` as its leftmost or rightmost label. Conditions on requests over TLS alone. */
  readonly snis?: readonly string[] | undefined;
  /** Status of the answer to a request over plain HTTP, where the route is for https alone. Default: 426. */
  readonly httpsRedirectStatus?: number | undefined;
  readonly stripPath: boolean;
  readonly preserveHost: boolean;
  /** Among regular expressions the higher one is tried first. */
  readonly regexPriority: number;
  readonly pathHandling: PathHandling;
  /** What the owner of the table wants back with a match, e.g. the compiled plugin chain. */
  readonly payload: Payload;
}

export type PathHandling = "v0" | "v1";

export interface RouteRequest {
  readonly method: string;
  /** Percent-encoded as received, without the query. */
  readonly path: string;
  /** The Host header; may carry a port. */
  readonly host: string | undefined;
  /** How the client reached us. Default: `http`. */
  readonly scheme?: "http" | "https";
  /** What the client asked for when TLS began: "" for nothing; undefined where TLS ended elsewhere, if there was any. */
  readonly serverName?: string | undefined;
  /** A header by its lower-case name; repeated ones joined with ", ". */
  header(name: string): string | undefined;
}

export interface RouteMatch<Payload = unknown> {
  readonly route: RouteDefinition<Payload>;
  readonly payload: Payload;
  /** Groups of the regular expression by name and by number, percent-encoded as in `path`. No prototype. */
  readonly uriCaptures: Readonly<Record<string, string>>;
  /** The normalised path of the request. */
  readonly path: string;
  /** What `strip_path` leaves of `path` (all of it without `strip_path`), normalised; begins with "/". */
  readonly strippedPath: string;
  /** The same as the match left it: may be empty or lack the slash. Path handling v1 needs to know. */
  readonly remainder: string;
  /** The route is for https alone, and the request came over plain HTTP: it is to be told so and to get nothing else. */
  readonly needsHttps: boolean;
}

export interface Router<Payload = unknown> {
  /** The best route for a request; undefined when none matches. Never throws. */
  match(request: RouteRequest): RouteMatch<Payload> | undefined;
}

/** A route that cannot be compiled. The message says what is wrong and what to do. */
export class RouteError extends Error {
  readonly routeName: string;
  /** Where, relative to the route: `["paths", 0]`; `[]` for the route itself. */
  readonly path: readonly (string | number)[];

  constructor(
    routeName: string,
    path: readonly (string | number)[],
    problem: string,
    options?: { cause?: unknown },
  ) {
    super(`route "${routeName}": ${problem}`, options);
    this.name = "RouteError";
    this.routeName = routeName;
    this.path = path;
  }
}
