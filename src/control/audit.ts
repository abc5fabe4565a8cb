/** What the audit log keeps of a change: each thing before and after it, secrets covered. */
import type { AuditChange } from "../config-store/config-store.ts";
import type { Change } from "./change.ts";
import type { EntityRecord, EntitySet, Stored } from "./entity-set.ts";
import { type Kind, kinds } from "./kinds.ts";

/** `show`: an entity as it may be seen. */
export function auditOf(
  before: EntitySet,
  { put, removed }: Pick<Change, "put" | "removed">,
  show: (kind: Kind, record: EntityRecord) => object,
): readonly AuditChange[] {
  const shown = (kind: string, record: object) => {
    const known = kinds.find(({ name }) => name === kind);
    return known === undefined ? record : show(known, record as EntityRecord); // what is kept under a kind is one of it
  };
  const entry = (operation: AuditChange["operation"], { id, kind }: Stored, after?: object): AuditChange => {
    const earlier = before.get({ name: kind }, id);
    return {
      operation,
      kind,
      id,
      ...(earlier !== undefined && { before: shown(kind, earlier) }),
      ...(after !== undefined && { after: shown(kind, after) }),
    };
  };
  return [
    ...removed.map((key) => entry("delete", key)),
    ...put.map((stored) => {
      const isNew = before.get({ name: stored.kind }, stored.id) === undefined;
      return entry(isNew ? "create" : "update", stored, stored.record);
    }),
  ];
}
