import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { serviceAccountFile } from "../../../test/support/vendors/google-identity.ts";
import { readServiceAccount } from "./service-account.ts";

/** What it says of the file; "" when it can be used. */
function complaint(json: string): string {
  try {
    readServiceAccount(json, "the_setting");
    return "";
  } catch (error) {
    return error instanceof Error ? `${error.message} ${String(error.cause)}` : "not an error";
  }
}

describe("readServiceAccount", () => {
  it("names the setting and quotes nothing, whatever is in it", () => {
    const marker = "s3cretMarker";
    const part = fc.string({ maxLength: 20 });
    const field = fc.constantFrom("private_key", "type");
    fc.assert(
      fc.property(part, part, field, (before, after, name) => {
        const text = `${before}${marker}${after}`;
        for (const json of [text, JSON.stringify(text), serviceAccountFile({ [name]: text })]) {
          expect(complaint(json)).toContain("the_setting");
          expect(complaint(json)).not.toContain(marker);
        }
      }),
    );
  });
});
