/** Contract of what the admin API works on: everything that is configured, and the one way to change it. */
import type { AuditEntry } from "../config-store/config-store.ts";
import type { Change } from "./change.ts";
import type { EntitySet } from "./entity-set.ts";

/** Who asks for a change, and by which request. */
export interface Asker {
  /** The token's name or the client's address. */
  readonly actor: string;
  /** E.g. `PUT /services/chat`. */
  readonly source: string;
}

export interface ControlPlane {
  /** False: the entities are those of a file, which is where they are changed. */
  readonly isWritable: boolean;
  /** Where the entities come from, for people. */
  readonly place: string;
  /** What is configured now; it may run a moment later. */
  readonly entities: EntitySet;
  /** 32 hex digits; equal while the entities are, or the file is. All zeros while nothing is configured. */
  readonly hash: string;
  /** Why what is configured does not run, where it does not. */
  readonly fault: string | undefined;
  /** Why changes made elsewhere are not heard of at the moment, where they are not. */
  readonly outage: string | undefined;
  /**
   * Makes what `plan` says of the entities the configured ones: checked as a whole, kept, and taken by the gateway, or
   * none of it. One after the other; `plan` may be called again when another node was faster. Rejects with a `Refusal`.
   */
  change(asker: Asker, plan: (entities: EntitySet) => Change): Promise<Change>;
  /** Replaces everything by a file's text. Rejects with a `Refusal`; then nothing was changed. */
  replaceAll(asker: Asker, text: string): Promise<void>;
  /** Changes, newest first; those before version `before`. */
  audit(page: { readonly before?: number; readonly limit: number }): Promise<readonly AuditEntry[]>;
}
