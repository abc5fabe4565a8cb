/** What came of reading the configuration again. */
export interface ReloadResult {
  readonly ok: boolean;
  /** Lines for people: problems of the file, or what runs now. */
  readonly messages: readonly string[];
}
