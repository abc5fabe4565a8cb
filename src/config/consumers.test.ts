import { describe, expect, it } from "vitest";
import { errors, head, lines, load } from "../../test/support/load-config.ts";
import { hashKey } from "../consumers/consumer-index.ts";

const chat = "config: {route_type: llm/v1/chat, model: {provider: openai}}";
const file = (...parts: readonly string[]) => `${head}${parts.join("\n")}\n`;

describe("consumers, their groups and their keys", () => {
  it("are read in every shape that decK writes", () => {
    const { config, problems } = load(
      file(
        "consumers:",
        "- username: alice",
        "  custom_id: a-1",
        "  tags: [team]",
        "  groups: [{name: gold}, silver]",
        "  keyauth_credentials: [{key: one, tags: [x]}, {key: two}]",
        "- {custom_id: b-2}",
        "- {username: carol, id: 5c0c3a5e-0d8a-4a7f-9c39-6d8f1f0a1b11}",
        "consumer_groups:",
        "- {name: silver}",
        "- {name: gold, consumers: [{username: alice}, {id: 5c0c3a5e-0d8a-4a7f-9c39-6d8f1f0a1b11}]}",
        "- {name: empty}",
        "keyauth_credentials:",
        "- {key: three, consumer: alice}",
        "- {key: four, consumer: {username: carol}, id: 0e6b6d4e-55aa-4a3b-8c2c-0d3e5f7a9b22}",
      ),
    );
    expect(problems).toEqual([]);
    const told = config?.consumers.map(({ customId, groups, keys, tags, username }) => ({
      username,
      customId,
      tags,
      groups: groups.map(({ name }) => name),
      keys: keys.map(({ sha256 }) => sha256),
    }));
    const hashes = (...keys: string[]) => keys.map(hashKey);
    expect(told).toEqual([
      {
        username: "alice",
        customId: "a-1",
        tags: ["team"],
        groups: ["gold", "silver"],
        keys: hashes("one", "two", "three"),
      },
      { username: undefined, customId: "b-2", tags: [], groups: [], keys: [] },
      { username: "carol", customId: undefined, tags: [], groups: ["gold"], keys: hashes("four") },
    ]);
    expect(config?.consumers[2]?.keys[0]?.id).toBe("0e6b6d4e-55aa-4a3b-8c2c-0d3e5f7a9b22");
    expect(config?.consumerGroups.map(({ name }) => name)).toEqual(["silver", "gold", "empty"]);
  });

  it("keep their ids when others come before them", () => {
    const ids = (text: string) => load(text).config?.consumers.map(({ id }) => id) ?? [];
    const [alice, other] = ids(file("consumers: [{username: alice}, {custom_id: b}]"));
    expect(ids(file("consumers: [{username: new}, {custom_id: b}, {username: alice}]"))).toEqual([
      expect.anything(),
      other,
      alice,
    ]);
  });

  it("are found wrong with both places, and keys are never shown", () => {
    const text = file(
      "consumers:",
      "- {username: alice, custom_id: c, keyauth_credentials: [{key: sk-secret}]}",
      "- {username: alice}",
      "- {username: bob, custom_id: c, keyauth_credentials: [{key: sk-secret}, {key: 7}, {ttl: 5, key: x}]}",
      "- {username: eve, groups: [{name: glod}]}",
      "consumer_groups: [{name: gold, consumers: [{username: alcie}, {custom_id: c}]}]",
      "keyauth_credentials: [{key: sk-secret, consumer: bob}, {key: sk-lonely}, {key: a, consumer: eva}]",
    );
    const found = errors(load(text));
    expect(found).toEqual([
      expect.stringContaining(
        "consumers[1].username: another consumer has the username `alice` already (consumers[0], line 3)",
      ),
      expect.stringContaining(
        "consumers[2].custom_id: another consumer has the custom_id `c` already (consumers[0], line 3)",
      ),
      "gateway.yaml:5:61: error: consumers[2].keyauth_credentials[0].key: another keyauth credential has the key already (consumers[0].keyauth_credentials[0], line 3)",
      expect.stringContaining("consumers[2].keyauth_credentials[1].key: expected a text, found a number"),
      expect.stringContaining("consumers[2].keyauth_credentials[2].ttl: needs created_at beside it"),
      expect.stringContaining(
        "consumers[3].groups[0]: there is no consumer group `glod`: did you mean `gold`?",
      ),
      expect.stringContaining(
        "consumer_groups[0].consumers[0]: there is no consumer `alcie`: did you mean `alice`?",
      ),
      expect.stringContaining("consumer_groups[0].consumers[1]: must have `username` or `id`"),
      expect.stringContaining("keyauth_credentials[0].key: another keyauth credential has the key already"),
      expect.stringContaining(
        "keyauth_credentials[1]: must name its consumer in `consumer`, or stand inside it",
      ),
      expect.stringContaining(
        "keyauth_credentials[2].consumer: there is no consumer `eva`: did you mean `eve`?",
      ),
    ]);
    expect(found.join("\n")).not.toContain("sk-");
  });

  it("finds keys equal that only the environment makes equal, numbers included", () => {
    const text = file(
      'consumers: [{username: a, keyauth_credentials: [{key: ${{ env "DECK_A" }}}]}, {username: b, keyauth_credentials: [{key: "4711"}]}]',
    );
    const found = lines(text, { DECK_A: "4711" });
    expect(found).toEqual([
      expect.stringContaining("has the key already (consumers[0].keyauth_credentials[0]"),
    ]);
    expect(found.join()).not.toContain("4711");
  });

  it("are not called equal for want of two variables", () => {
    const key = (name: string) => `{key: \${{ env "DECK_${name}" }}}`;
    const text = `consumers: [{username: a, keyauth_credentials: [${key("A")}, ${key("B")}]}]`;
    expect(lines(file(text))).toEqual([
      expect.stringContaining("environment variable DECK_A is not set"),
      expect.stringContaining("environment variable DECK_B is not set"),
    ]);
  });

  it("have names that can stand in a header", () => {
    expect(lines(file('consumers: [{username: "a\\nX-Admin: 1"}]'))).toEqual([
      expect.stringContaining("consumers[0].username: must not have control characters in it"),
    ]);
  });

  it("are told of credentials that nothing reads yet", () => {
    expect(lines(file("consumers: [{username: a, jwt_secrets: [{secret: x}]}]"))).toEqual([
      expect.stringContaining("notice: consumers[0].jwt_secrets: accepted, not acted on yet"),
    ]);
  });

  it("end when their time is over, counted from their beginning", () => {
    const text = file(
      "consumers: [{username: a, keyauth_credentials: [{key: x, created_at: 1000, ttl: 60}, {key: y, ttl: 0}]}]",
    );
    expect(load(text).config?.consumers[0]?.keys.map(({ expiresAtMs }) => expiresAtMs)).toEqual([
      1_060_000,
      undefined,
    ]);
  });
});

describe("a plugin for single callers", () => {
  it("is scoped by its place and by its references", () => {
    const { config, problems } = load(
      file(
        "services: [{name: s, host: h}]",
        "consumers:",
        `- {username: alice, plugins: [{name: ai-proxy, service: s, ${chat}}]}`,
        "consumer_groups:",
        `- {name: gold, plugins: [{name: ai-proxy, ${chat}}]}`,
        "plugins:",
        "- {name: key-auth}",
        `- {name: ai-proxy, consumer: {username: alice}, ${chat}}`,
        `- {name: ai-proxy, consumer_group: {name: gold}, service: s, ${chat}}`,
      ),
    );
    expect(problems).toEqual([]);
    const alice = config?.consumers[0]?.id;
    const gold = config?.consumerGroups[0]?.id;
    const service = config?.services[0]?.id;
    expect(config?.plugins.map(({ scope }) => scope)).toEqual([
      { service, consumer: alice },
      { consumerGroup: gold },
      {},
      { consumer: alice },
      { service, consumerGroup: gold },
    ]);
  });

  it("is refused where it runs before it is known who calls, and where it is for two kinds at once", () => {
    expect(
      errors(
        load(
          file(
            "consumers:",
            "- {username: alice, plugins: [{name: key-auth}]}",
            "consumer_groups: [{name: gold}]",
            "plugins:",
            "- {name: key-auth, consumer_group: gold}",
            `- {name: ai-proxy, consumer: alice, consumer_group: gold, ${chat}}`,
          ),
        ),
      ),
    ).toEqual([
      "gateway.yaml:3:31: error: consumers[0].plugins[0]: key-auth runs before it is known who calls, so it cannot be for one consumer",
      expect.stringContaining(
        "plugins[0].consumer_group: key-auth runs before it is known who calls, so it cannot be for one consumer group",
      ),
      expect.stringContaining("plugins[1].consumer: is for a consumer and for a group at once"),
    ]);
  });

  it("is warned of where nothing finds out who calls", () => {
    expect(lines(file(`consumers: [{username: a, plugins: [{name: ai-proxy, ${chat}}]}]`))).toEqual([
      expect.stringContaining(
        "warning: consumers[0].plugins[0].name: is for single callers, but no plugin of this file",
      ),
    ]);
  });
});

describe("a setting that names a consumer", () => {
  it("must name one of the file, by username or id", () => {
    const text = (anonymous: string) =>
      file(
        "consumers: [{username: guest, id: 5c0c3a5e-0d8a-4a7f-9c39-6d8f1f0a1b11, custom_id: c}]",
        `plugins: [{name: key-auth, config: {anonymous: ${anonymous}}}]`,
      );
    for (const known of ["guest", "5c0c3a5e-0d8a-4a7f-9c39-6d8f1f0a1b11", "''"])
      expect(lines(text(known))).toEqual([]);
    expect(lines(text("gest"))).toEqual([
      expect.stringContaining(
        "plugins[0].config.anonymous: there is no consumer `gest`: did you mean `guest`?",
      ),
    ]);
    expect(lines(text("c"))).toHaveLength(1);
  });
});
