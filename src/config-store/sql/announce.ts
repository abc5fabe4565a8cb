/** An announcement as one transaction that may be run twice. */
import type { Statement } from "../../sql/runner.ts";
import type { Announcement } from "../config-store.ts";
import { keepable } from "../keepable.ts";
import { configTables } from "./tables.ts";
import type { SqlWords } from "./words.ts";

/** Makes its statements; the last one's `number` is the one that it was given, in whichever run. */
export type AnnounceStatements = (
  announcement: Omit<Announcement, "number">,
  token: string,
) => readonly Statement[];

/**
 * Numbers are given under the lock of all writers, so that none is seen before a lower one. The table is never empty again:
 * what makes room has just been written.
 */
export function createAnnounce(words: SqlWords, kept: number): AnnounceStatements {
  const { announcements } = configTables;
  const last = `(select coalesce(max(number), 0) from ${announcements})`;
  const own = `from ${announcements} where token = cast($1 as text)`;
  const texts = {
    tell:
      `insert into ${announcements} (number, token, sender, time_ms, body) select ${last} + 1, ` +
      "cast($1 as text), cast($2 as text), cast($3 as bigint), cast($4 as text) " +
      `where not exists (select 1 ${own})`,
    prune: `delete from ${announcements} where number <= ${last} - ${kept}`,
    own: `select number ${own}`,
  };
  const say = (sql: string, ...parameters: readonly unknown[]): Statement => ({
    sql: words.numbered(sql),
    parameters,
  });
  return ({ body, sender, timeMs }, token) => [
    ...words.lock.map((sql) => say(sql)),
    say(texts.tell, token, keepable(sender), timeMs, keepable(body)),
    say(texts.prune),
    say(texts.own, token),
  ];
}
