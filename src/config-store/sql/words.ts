/** What the databases do not share. Everything else is one set of statements, with parameters as PostgreSQL numbers them. */

export interface SqlWords {
  /** The elements of a JSON array in a parameter, as rows `e` with a column `value` that `->>` takes apart. */
  elements(parameter: string): string;
  /** One number: whether there is a table. */
  hasTable(name: string): string;
  /** The type of a text that is compared and sorted by its code points, whatever the database's language. */
  readonly key: string;
  /** What stands before whatever writes, so that one process at a time goes through it. */
  readonly lock: readonly string[];
  /** The statement with its parameters in this database's way of writing. */
  numbered(sql: string): string;
}
