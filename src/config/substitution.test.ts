import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { originalOffset, substitute, touching } from "./substitution.ts";

const env = { DECK_A: "alpha", DECK_PORT: "8080", DECK_LINES: "one\ntwo", DECK_EMPTY: "", HOME: "/root" };

const faultOf = (text: string) => substitute(text, env).substitutions[0]?.fault;

describe("substitute", () => {
  it("replaces every expression, whatever its quotes and spaces", () => {
    const { text, substitutions } = substitute(
      "a: ${{ env \"DECK_A\" }} ${{env 'DECK_A'}} ${{   env   `DECK_A`\t}}",
      env,
    );
    expect(text).toBe("a: alpha alpha alpha");
    expect(substitutions.map(({ fault }) => fault)).toEqual([undefined, undefined, undefined]);
  });

  it("takes an empty variable as set", () => {
    const { text, substitutions } = substitute('a: "${{ env "DECK_EMPTY" }}"', env);
    expect(text).toBe('a: ""');
    expect(substitutions).toMatchObject([{ name: "DECK_EMPTY", fault: undefined }]);
  });

  it("puts a word in the place of a missing variable and says which is missing", () => {
    const { text, substitutions } = substitute('a: ${{ env "DECK_B" }}', env);
    expect(text).toBe("a: missing");
    expect(substitutions).toMatchObject([{ fault: "environment variable DECK_B is not set", start: 3 }]);
  });

  it("refuses names that do not begin with DECK_, without reading them", () => {
    const { text, substitutions } = substitute('a: ${{ env "HOME" }}', env);
    expect(text).not.toContain("/root");
    expect(substitutions[0]?.fault).toContain("HOME cannot be used");
  });

  it("refuses expressions it does not know, and ones that never end", () => {
    expect(faultOf('${{ file "x" }}')).toContain("cannot read this expression");
    expect(substitute('a: b\nc: ${{ env "DECK_A"', env).unclosed).toBe(8);
  });

  it("knows decK's filters and refuses values that do not suit them", () => {
    expect(substitute('${{ env "DECK_PORT" | toInt }}', env).text).toBe("8080");
    expect(substitute('${{ env "DECK_LINES" | indent 2 }}', env).text).toBe("one\n  two");
    expect(faultOf('${{ env "DECK_A" | toInt }}')).toBe(
      "environment variable DECK_A cannot be read with toInt",
    );
    expect(faultOf('${{ env "DECK_A" | shout }}')).toContain("cannot be read with shout");
  });

  it("does not expand a value that looks like an expression", () => {
    const { text } = substitute('${{ env "DECK_X" }}', { DECK_X: '${{ env "DECK_A" }}', DECK_A: "no" });
    expect(text).toBe('${{ env "DECK_A" }}');
  });
});

describe("originalOffset", () => {
  it("points at the same character of the file for every character that was not substituted", () => {
    const parts = fc.array(
      fc.oneof(fc.stringMatching(/^[a-z\n ]{0,5}$/), fc.constantFrom("DECK_A", "DECK_LINES", "DECK_EMPTY")),
    );
    fc.assert(
      fc.property(parts, (pieces) => {
        const file = pieces
          .map((piece) => (piece.startsWith("DECK_") ? `\${{ env "${piece}" }}` : piece))
          .join("");
        const { text, substitutions } = substitute(file, env);
        for (let offset = 0; offset < text.length; offset++) {
          const original = originalOffset(offset, substitutions);
          const inside = touching(offset, offset + 1, substitutions)[0];
          if (inside === undefined) expect(file[original]).toBe(text[offset]);
          else expect(original).toBe(inside.start);
        }
      }),
    );
  });
});
