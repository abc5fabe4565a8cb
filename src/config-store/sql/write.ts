/** A change as one transaction that may be run twice. */
import type { Statement } from "../../sql/runner.ts";
import type { ConfigWrite } from "../config-store.ts";
import { keepable } from "../keepable.ts";
import { configTables } from "./tables.ts";
import type { SqlWords } from "./words.ts";

/** Makes the statements of a change; the last one's `own` is 1 if the change took place, whenever it did. */
export type WriteStatements = (write: ConfigWrite, token: string) => readonly Statement[];

/**
 * Whoever gets the row of the next version has won; all that follows asks whether that row is ours, and still the newest.
 * A run that is repeated, because nobody heard the end of the first, finds its row there. Its rows are then put once more
 * as they are, or, where others have written since, left alone.
 */
export function createWrite(words: SqlWords, kept: number): WriteStatements {
  const { changes, entities } = configTables;
  const newest = `(select coalesce(max(version), 0) from ${changes})`;
  const row = `from ${changes} where version = cast($1 as bigint) and token = cast($2 as text)`;
  const isOurs = `exists (select 1 ${row}) and ${newest} = cast($1 as bigint)`;
  const texts = {
    claim:
      `insert into ${changes} (version, token, time_ms, actor, source, changes) select cast($1 as bigint), ` +
      "cast($2 as text), cast($3 as bigint), cast($4 as text), cast($5 as text), cast($6 as text) " +
      `where ${newest} = cast($1 as bigint) - 1 on conflict do nothing`,
    remove:
      `delete from ${entities} where ${isOurs} and (kind, id) in ` +
      `(select e.value ->> 0, e.value ->> 1 from ${words.elements("$3")})`,
    put:
      `insert into ${entities} (kind, id, record) select e.value ->> 0, e.value ->> 1, e.value ->> 2 ` +
      `from ${words.elements("$3")} where ${isOurs} on conflict (kind, id) do update set record = excluded.record`,
    prune: `delete from ${changes} where ${isOurs} and version <= cast($1 as bigint) - ${kept}`,
    own: `select count(*) as own ${row}`,
  };
  const lock = words.lock.map((sql) => ({ sql, parameters: [] }));
  return ({ expected, put, remove, audit }, token) => {
    const say = (sql: string, ...more: readonly unknown[]): Statement => ({
      sql: words.numbered(sql),
      parameters: [expected + 1, token, ...more],
    });
    // A record is a text within the JSON, so that nothing but JSON.parse ever reads it.
    const rows = put.map(({ kind, id, record }) => [kind, id, JSON.stringify(record)]);
    return [
      ...lock,
      say(
        texts.claim,
        audit.timeMs,
        keepable(audit.actor),
        keepable(audit.source),
        JSON.stringify(audit.changes),
      ),
      say(texts.remove, JSON.stringify(remove.map(({ kind, id }) => [kind, id]))),
      say(texts.put, JSON.stringify(rows)),
      say(texts.prune),
      say(texts.own),
    ];
  };
}
