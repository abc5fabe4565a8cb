/** Who calls: a consumer of the config, its groups, and the keys it may show. */

/** Equal for all requests of a consumer while its config is. */
export interface Consumer {
  readonly id: string;
  /** One of the two names is always there. */
  readonly username: string | undefined;
  readonly customId: string | undefined;
  /** Ascending by name. */
  readonly groups: readonly ConsumerGroup[];
}

export interface ConsumerGroup {
  readonly id: string;
  readonly name: string;
}

/** A key as it is kept: what it hashes to, never the key. */
export interface KeyCredential {
  readonly id: string;
  /** In hexadecimal. */
  readonly sha256: string;
  /** Milliseconds since 1970; undefined: never. */
  readonly expiresAtMs: number | undefined;
}

/** A key that somebody showed and that is known. */
export interface KnownKey {
  readonly consumer: Consumer;
  readonly credential: KeyCredential;
}

/** The consumers of one config. */
export interface ConsumerIndex {
  find(idOrUsername: string): Consumer | undefined;
  findByCustomId(customId: string): Consumer | undefined;
  /** Whose key it is, expired or not. */
  findByKey(key: string): KnownKey | undefined;
}
