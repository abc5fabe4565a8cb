/** Whose file it is: what messages for the operator call things. */
export interface SqliteOwner {
  /** Where the file's options stand, `path` and `timeout`: `ledger.sqlite`. */
  readonly block: string;
  /** What is in the file: `the ledger`. */
  readonly content: string;
  /** One of what is in there: `an entry`. */
  readonly item: string;
  /** What to do when the disk is full. */
  readonly makeRoom: string;
}
