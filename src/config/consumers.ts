/** Makes consumers, their groups and their keys out of entities that were all found good. */
import type { z } from "zod";
import type { ConsumerGroup, KeyCredential } from "../consumers/consumer.ts";
import { hashKey } from "../consumers/consumer-index.ts";
import type { Instance } from "./collect.ts";
import type { ConsumerConfig } from "./config.ts";
import type { consumer } from "./entities/consumer.ts";
import type { consumerGroup } from "./entities/consumer-group.ts";
import type { keyauthCredential } from "./entities/keyauth-credential.ts";
import type { Good } from "./good.ts";
import type { Directory } from "./names.ts";

type ConsumerFields = z.output<z.ZodObject<typeof consumer.shape>>;
type GroupFields = z.output<z.ZodObject<typeof consumerGroup.shape>>;
type CredentialFields = z.output<z.ZodObject<typeof keyauthCredential.shape>>;

export function buildConsumerGroups(groups: readonly Good[], directory: Directory): readonly ConsumerGroup[] {
  return groups.map((group) => buildGroup(group, directory));
}

function buildGroup({ instance, value }: Good, directory: Directory): ConsumerGroup {
  return { id: directory.id(instance), name: (value as GroupFields).name }; // made by that shape
}

/** In the order of the file. Keys are hashed here, and go no further. */
export function buildConsumers(
  good: Readonly<Record<"consumers" | "groups" | "credentials", readonly Good[]>>,
  directory: Directory,
): readonly ConsumerConfig[] {
  const keys = new Map<Instance, KeyCredential[]>();
  for (const { instance, value } of good.credentials) {
    const owner = directory.target(instance, "consumer");
    const key = buildKey(directory.id(instance), value as CredentialFields); // made by that shape
    if (owner !== undefined) keys.set(owner, [...(keys.get(owner) ?? []), key]);
  }
  const groups = new Map(good.groups.map((group) => [group.instance, buildGroup(group, directory)]));
  const memberships = membershipsOf(good, directory);
  return good.consumers.map(({ instance, value }) => {
    const fields = value as ConsumerFields; // made by that shape
    const joined = [...(memberships.get(instance) ?? [])].map((group) => groups.get(group));
    return {
      id: directory.id(instance),
      username: fields.username,
      customId: fields.custom_id,
      groups: joined.filter((group) => group !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1)),
      keys: keys.get(instance) ?? [],
      tags: fields.tags ?? [],
    };
  });
}

function buildKey(id: string, fields: CredentialFields): KeyCredential {
  const { created_at: createdAt = 0, key, ttl = 0 } = fields;
  const expiresAtMs = ttl > 0 ? (createdAt + ttl) * 1000 : undefined;
  return { id, sha256: hashKey(key), expiresAtMs };
}

/** Consumer → its groups. Either side may tell of a membership, or both. */
function membershipsOf(
  { consumers, groups }: Readonly<Record<"consumers" | "groups", readonly Good[]>>,
  directory: Directory,
): ReadonlyMap<Instance, ReadonlySet<Instance>> {
  const found = new Map(
    consumers.map(({ instance }) => [instance, new Set(directory.targets(instance, "groups"))]),
  );
  for (const { instance: group } of groups)
    for (const member of directory.targets(group, "consumers")) found.get(member)?.add(group);
  return found;
}
