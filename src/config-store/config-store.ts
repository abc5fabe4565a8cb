/** Contract of the config store family: where entities lie while no gateway runs, and where gateways meet. */

export interface StoredEntity {
  readonly kind: string;
  readonly id: string;
  readonly record: Readonly<Record<string, unknown>>;
}

export interface EntityKey {
  readonly kind: string;
  readonly id: string;
}

export interface AuditChange extends EntityKey {
  readonly operation: "create" | "update" | "delete";
  readonly before?: object;
  readonly after?: object;
}

/** One change as the audit log keeps it. */
export interface AuditEntry {
  readonly version: number;
  readonly timeMs: number;
  readonly actor: string;
  readonly source: string;
  readonly changes: readonly AuditChange[];
}

export interface ConfigWrite {
  readonly expected: number;
  readonly put: readonly StoredEntity[];
  readonly remove: readonly EntityKey[];
  readonly audit: Omit<AuditEntry, "version">;
}

export interface ConfigStore {
  readonly place: string;
  version(signal: AbortSignal): Promise<number>;
  read(
    signal: AbortSignal,
  ): Promise<{ readonly version: number; readonly entities: readonly StoredEntity[] }>;
  write(write: ConfigWrite, signal: AbortSignal): Promise<number | "conflict">;
  audit(
    page: { readonly before?: number; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly AuditEntry[]>;
  close(): Promise<void>;
}
