/** What the simulator received, kept for tests to read: the last 1000 requests, or fewer if their bodies are huge. */
import type { IncomingHttpHeaders } from "node:http";

export const journalLimit = 1000;

/** So that a load test with long prompts cannot fill the memory. */
const bodyBytesLimit = 64 * 1024 * 1024;

/** A copy of a request. It shows credentials as they came: this is a test double, not a place for real keys. */
export interface ReceivedRequest {
  /** 1 for the first since the start; not reset. */
  readonly number: number;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** Lower-case names. */
  readonly headers: IncomingHttpHeaders;
  /** The headers above that carry a credential. */
  readonly credentialHeaders: readonly string[];
  /** Parsed where it is JSON, else the text; undefined while it is still coming or when there was none. */
  readonly body: unknown;
  /** Milliseconds since 1970. */
  readonly receivedAtMs: number;
  /** The status that was sent; undefined when none was, or not yet. */
  readonly status: number | undefined;
  /** The client went away before it had the whole answer. */
  readonly aborted: boolean;
}

/** A `ReceivedRequest` while its request is being served. */
export type JournalEntry = { -readonly [Key in keyof ReceivedRequest]: ReceivedRequest[Key] };

export interface Journal {
  open(
    request: Omit<ReceivedRequest, "number" | "credentialHeaders" | "body" | "status" | "aborted">,
  ): JournalEntry;
  /** Puts the body into the entry; the oldest entries go when all bodies together are too large. */
  keepBody(entry: JournalEntry, body: unknown, bytes: number): void;
  /** Oldest first; entries are filled in while their request is served. */
  entries(): readonly ReceivedRequest[];
  clear(): void;
}

const credentialNames = new Set([
  "authorization",
  "x-api-key",
  "api-key",
  "x-goog-api-key",
  "proxy-authorization",
  "cookie",
]);

export function createJournal(): Journal {
  let count = 0;
  let bodyBytes = 0;
  // Insertion order is age; a Map forgets its first key at constant cost.
  const entries = new Map<JournalEntry, number>();
  const forgetOldest = () => {
    for (const [entry, bytes] of entries) {
      if (entries.size <= journalLimit && bodyBytes <= bodyBytesLimit) return;
      entries.delete(entry);
      bodyBytes -= bytes;
    }
  };
  return {
    open(request) {
      count += 1;
      const credentialHeaders = Object.keys(request.headers).filter((name) => credentialNames.has(name));
      const entry = {
        ...request,
        number: count,
        credentialHeaders,
        body: undefined,
        status: undefined,
        aborted: false,
      };
      entries.set(entry, 0);
      forgetOldest();
      return entry;
    },
    keepBody(entry, body, bytes) {
      entry.body = body;
      if (!entries.has(entry)) return;
      entries.set(entry, bytes);
      bodyBytes += bytes;
      forgetOldest();
    },
    entries: () => [...entries.keys()],
    clear() {
      entries.clear();
      bodyBytes = 0;
    },
  };
}
