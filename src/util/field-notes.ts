/** Marks on a setting's schema, given to zod's `.meta()`: the loader, the reference pages and the JSON Schema read them. */

/** Not one of Kong's fields: our addition, shown as such. */
export const sluiceAddition = { sluice: true } as const;

/** Accepted and validated, but nothing acts on it yet: setting it gives a notice. */
export const planned = { planned: true } as const;

/** A credential: its value is never shown, not even in an error about it. */
export const secret = { secret: true } as const;

/** Still works, but there is a better way: setting it gives a notice. */
export const deprecated = { deprecated: true } as const;

/** Made up where it is left out, so that nobody has to give it. */
export const auto = { auto: true } as const;

/**
 * An old way of saying what fields beside it say: taken for those of them that are left out, and not shown where it is not
 * used.
 */
export function shorthand(standsFor: readonly string[]) {
  return { ...deprecated, standsFor } as const;
}

/** Part of a file's way of writing alone: the admin API has another way for it, and shows and takes no such field. */
export const fileOnly = { fileOnly: true } as const;
