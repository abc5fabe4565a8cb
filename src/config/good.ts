/** What loading makes of an entity in which nothing was found wrong. */
import type { Instance } from "./collect.ts";
import type { PluginConfig } from "./config.ts";

/** An entity and what its schema made of it. */
export interface Good {
  readonly instance: Instance;
  readonly value: unknown;
  /** For plugins: what only their definition knows. */
  readonly plugin: Pick<PluginConfig, "definition" | "order" | "config" | "scope"> | undefined;
}
