/** When decK takes an entity for unchanged. */
import { isDeepStrictEqual } from "node:util";
import { type Fields, isFields } from "./deck-defaults.ts";
import { type DeckEntity, deckKey } from "./deck-state.ts";

/** What tells an entity from all others, whatever its id. */
export function keyOf({ fields, kind }: DeckEntity): string {
  return `${kind} ${deckKey(kind, fields)}`;
}

/** A line for each field that is not as it should be. */
export function differencesOf(before: DeckEntity, after: DeckEntity): readonly string[] {
  const there = comparable(before);
  const wanted = comparable(after);
  return [...new Set([...Object.keys(there), ...Object.keys(wanted)])]
    .filter((name) => !isDeepStrictEqual(there[name], wanted[name]))
    .map(
      (name) =>
        `${keyOf(after)} ${name}: ${JSON.stringify(there[name])} is to be ${JSON.stringify(wanted[name])}`,
    );
}

/** Null is as good as nothing, but not in a plugin's config, which decK compares to the letter. */
export function comparable({ fields, kind }: DeckEntity): Fields {
  const { config, tags, ...rest } = withoutTimes(fields);
  return {
    ...(withoutNulls(rest) as Fields), // a block gives a block
    ...(Array.isArray(tags) && tags.length > 0 && { tags: tags.toSorted() }),
    ...(config !== undefined && { config: kind === "plugins" ? config : withoutNulls(config) }),
  };
}

/**
 * A plugin without what partials give it: decK puts their settings, as the gateway has them, into both sides. At a place that
 * ends in `[]` they are one more entry of both.
 */
export function withoutLinked({ fields, ...entity }: DeckEntity): DeckEntity {
  const { config, partials } = fields;
  if (!isFields(config) || !Array.isArray(partials)) return { ...entity, fields };
  const paths = (partials as readonly Fields[]).map(({ path }) => String(path).replace("config.", ""));
  const own = paths
    .filter((path) => !path.endsWith("[]"))
    .reduce((all, path) => without(all, path.split(".")), config);
  return { ...entity, fields: { ...fields, config: own } };
}

function without(fields: Fields, [name = "", ...rest]: readonly string[]): Fields {
  const { [name]: inner, ...others } = fields;
  return rest.length === 0 || !isFields(inner) ? others : { ...others, [name]: without(inner, rest) };
}

/** Without what the server sets. */
export function withoutTimes({ created_at: _created, updated_at: _updated, ...fields }: Fields): Fields {
  return fields;
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isFields(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutNulls(inner)]));
}
