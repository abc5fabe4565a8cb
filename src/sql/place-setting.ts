/** A setting that says in one text where a database is. */
import type { z } from "zod";
import { AddressError, postgresBlock } from "../postgres/address.ts";
import type { OptionFault } from "../util/option-rules.ts";

/** A text that names no place. The message says what would, and never shows a password. */
export class PlaceSettingError extends Error {}

export interface PlaceSetting<Options> {
  /** Texts that are strategies by themselves, such as `off`. */
  readonly words: readonly string[];
  /** What the setting takes. */
  readonly choices: string;
  /** The block that the text stands for. */
  readonly schema: z.ZodType<Options>;
  /** Faults that the schema does not see. */
  check(options: Options): readonly OptionFault[];
}

export interface GivenPlace {
  readonly text: string;
  /** Where the text came from. */
  readonly source: string;
  /** Command lines are seen by others; so it may come on its own, and wins then. */
  readonly password: string | undefined;
}

/**
 * Reads `sqlite` · `sqlite:PATH` · `postgres://USER:PASSWORD@HOST:PORT/DATABASE?FIELD=VALUE&…`, where the fields are those of
 * the block `postgres`, or one of the setting's own words. `more` is put into the block. Throws a `PlaceSettingError`.
 */
export function readPlace<Options>(
  setting: PlaceSetting<Options>,
  given: GivenPlace,
  more: object = {},
): Options {
  const refuse = (message: string) => new PlaceSettingError(`${given.source}: ${message}`);
  const parsed = setting.schema.safeParse({ ...blockOf(setting, given, refuse), ...more });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(`${issue?.path.join(".") || "the setting"}: ${issue?.message}`);
  }
  const [fault] = setting.check(parsed.data);
  if (fault !== undefined) throw refuse(`${fault.path.join(".")} ${fault.message}`);
  return parsed.data;
}

function blockOf(
  { words, choices }: Pick<PlaceSetting<unknown>, "words" | "choices">,
  { text, password }: GivenPlace,
  refuse: (message: string) => Error,
): object {
  if (text === "sqlite" || words.includes(text)) return { strategy: text };
  const colon = text.indexOf(":");
  const scheme = text.slice(0, colon);
  if (scheme === "sqlite" && colon + 1 < text.length)
    return { strategy: "sqlite", sqlite: { path: text.slice(colon + 1) } };
  // Not the text itself: it may be an address with a password, mistyped.
  if (scheme !== "postgres" && scheme !== "postgresql") throw refuse(`write ${choices}`);
  try {
    return { strategy: "postgres", postgres: postgresBlock(text, password) };
  } catch (error) {
    throw error instanceof AddressError ? refuse(error.message) : error;
  }
}
