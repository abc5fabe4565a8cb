/** A span as this plugin speaks of it: plain data, so that only what sends it has to know the SDK. */

export type AttributeValue = string | number | boolean | readonly string[];

/** Those without a value are left out. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

export interface Span {
  readonly name: string;
  readonly kind: "server" | "client";
  readonly spanId: string;
  readonly parent: { readonly spanId: string; readonly isRemote: boolean } | undefined;
  /** Milliseconds since 1970, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  /** Why it failed, for people; undefined: it did not. */
  readonly error: string | undefined;
  readonly events: readonly { readonly name: string; readonly atMs: number }[];
}

/** The spans of one exchange. */
export interface Trace {
  readonly traceId: string;
  readonly state: string | undefined;
  readonly spans: readonly Span[];
}
