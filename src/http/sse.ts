/** One server-sent event (WHATWG HTML, section 9.2). */
export interface ServerSentEvent {
  /** The `event:` field; "message" when absent. */
  readonly event: string;
  /** The `data:` lines joined with a line feed. */
  readonly data: string;
}
