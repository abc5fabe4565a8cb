import { describe, expect, it } from "vitest";
import { head, lines, load } from "../../test/support/load-config.ts";

describe("substitution", () => {
  it("names every variable that is missing, where it is missing, and not those in comments", () => {
    const text = `${head}# \${{ env "DECK_NOBODY" }}\nservices:\n- name: a\n  host: \${{ env "DECK_HOST" }}\n  port: \${{ env "DECK_PORT" }}\n`;
    expect(lines(text)).toEqual([
      "gateway.yaml:5:9: error: environment variable DECK_HOST is not set",
      "gateway.yaml:6:9: error: environment variable DECK_PORT is not set",
    ]);
  });

  it("points at the original place behind values that span lines or change columns", () => {
    const text = `${head}services:\n- name: a\n  host: "\${{ env "DECK_LINES" }}" # long\n  oops: 1\n- {name: \${{ env "DECK_LONG" }}, host: b, oops: 1}\n`;
    expect(lines(text, { DECK_LINES: "a\n    b\n    c", DECK_LONG: "n".repeat(99) })).toEqual([
      expect.stringContaining("gateway.yaml:5:3: error: services[0].oops"),
      expect.stringContaining("gateway.yaml:6:43: error: services[1].oops"),
    ]);
  });

  it("reads a number out of a quoted variable, but not out of a quoted number", () => {
    const service = (port: string) => `${head}services: [{name: a, host: b, port: ${port}}]\n`;
    expect(load(service('"${{ env "DECK_PORT" }}"'), { DECK_PORT: "8080" }).config?.services[0]?.port).toBe(
      8080,
    );
    expect(lines(service('"8080"'))).toEqual([
      "gateway.yaml:2:37: error: services[0].port: expected a number, found a text: write the number without quotes",
    ]);
    expect(lines(service('"1${{ env "DECK_PORT" }}"'), { DECK_PORT: "8080" })).toHaveLength(1);
    expect(lines(service('"${{ env "DECK_PORT" }}"'), { DECK_PORT: "http" })[0]).toContain(
      "expected a number, found a text",
    );
  });

  it("takes a number from a variable as a text where a text is wanted", () => {
    const text = `${head}services: [{name: \${{ env "DECK_PIN" }}, host: b}]\n`;
    expect(load(text, { DECK_PIN: "0012" }).config?.services[0]?.name).toBe("0012");
    expect(lines(`${head}services: [{name: 12, host: b}]\n`)[0]).toContain(
      "expected a text, found a number: put it in quotes",
    );
  });
});

describe("vault references", () => {
  const service = (host: string) => `${head}services: [{name: a, host: "${host}"}]\n`;

  it.each([
    [
      "{vault://env/not-there}",
      "environment variable NOT_THERE, which this vault reference stands for, is not set",
    ],
    ["{vault://hcv/secret/key}", 'vault "hcv" is not supported by this version (supported: env)'],
    ["Bearer {vault://env/openai-key}", "a vault reference must be the whole text"],
    ["{vault://env/openai-key/field}", "environment variable OPENAI_KEY does not hold a JSON object"],
    [
      "{vault://env/team-anthropic/other}",
      "the JSON in environment variable TEAM_ANTHROPIC has no field other",
    ],
    ["{vault://env/a/b/c}", 'vault reference to "a/b/c" cannot be read: give a key'],
  ])("refuses %s", (reference, message) => {
    const found = lines(service(reference));
    expect(found).toEqual([
      expect.stringContaining(`gateway.yaml:2:28: error: services[0].host: ${message}`),
    ]);
    expect(found.join()).not.toContain("sk-");
  });

  it("accepts a prefix in the reference and turns numbers into numbers", () => {
    const text = `${head}services: [{name: a, host: "{vault://env/host?prefix=my-}", port: "{vault://env/port}"}]\n`;
    expect(load(text, { MY_HOST: "h", PORT: "81" }).config?.services[0]).toMatchObject({
      host: "h",
      port: 81,
    });
  });
});
