/** YAML's syntax errors in our words: the parser's own quote the file, and with it possibly a secret. */

const messages: Readonly<Record<string, string>> = {
  ALIAS_PROPS: "an alias (*name) cannot have an anchor or a tag of its own",
  BAD_ALIAS: "the name of this anchor or alias is not valid",
  BAD_COLLECTION_TYPE: "a tag does not suit the list or block it stands before",
  BAD_DIRECTIVE: "this % directive is not valid",
  BAD_DQ_ESCAPE: "invalid escape in a double-quoted text: double the backslash, or use single quotes",
  BAD_INDENT: "the indentation does not fit the lines above",
  BAD_PROP_ORDER: "anchors and tags must stand after the indicator, before the value",
  BAD_SCALAR_START: "a plain text cannot begin with this character: put the text in quotes",
  BLOCK_AS_IMPLICIT_KEY:
    "a value is nested in a line that already has one: check the quotes and colons of this line",
  BLOCK_IN_FLOW: "a block list or block text cannot stand inside [ ] or { }",
  DUPLICATE_KEY: "this field is given twice; keep one of them",
  KEY_OVER_1024_CHARS: "the name of a field cannot be longer than 1024 characters",
  MISSING_CHAR:
    "a character is missing: check the closing quote, bracket or brace, the colon, and the space after it",
  MULTILINE_IMPLICIT_KEY:
    "the name of a field must stand on one line: check the quotes and colons around here",
  MULTIPLE_ANCHORS: "a value can have one anchor only",
  MULTIPLE_DOCS: "another document begins here (---), and only one is read: join them, or split the file",
  MULTIPLE_TAGS: "a value can have one tag only",
  NON_STRING_KEY: "the name of a field must be a text",
  RESOURCE_EXHAUSTION: "is nested too deeply to be read",
  TAB_AS_INDENT: "tabs cannot indent: use spaces",
  TAG_RESOLVE_FAILED: "this tag is not known; the value is read as if it had none",
  UNEXPECTED_TOKEN: "this does not belong here: check the quotes, brackets and indentation",
};

/** A message for the parser's error code. */
export function syntaxMessage(code: string): string {
  return messages[code] ?? `this is not valid YAML (${code.toLowerCase().replaceAll("_", " ")})`;
}
