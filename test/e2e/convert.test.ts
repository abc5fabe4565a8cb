/** `sluice convert`: exit codes, what is written, and that it runs. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runHere } from "../support/command-line.ts";
import { startStack } from "../support/gateway.ts";
import { chatUrl } from "../support/gateway-config.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-convert-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: string[]) {
  const { code, stdout: out, stderr: err } = await runHere(args);
  return { code, out, err };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const proxy = `    - name: ai-proxy-advanced
      config:
        targets:
        - route_type: llm/v1/chat
          model: {provider: openai, name: gpt-4o, options: {upstream_url: \${{ env "DECK_URL" }}}}
          auth: {header_name: Authorization, header_value: 'Bearer \${{ env "DECK_KEY" }}'}
`;
const services = `services:
- name: llm
  url: http://localhost:32000
  routes:
  - name: chat
    paths: [/chat]
    plugins:
`;

describe("sluice convert", () => {
  it("ends with 0 for a file that is supported whole, and says what differs", async () => {
    const { code, err, out } = await run(
      "convert",
      file("good.yaml", `_format_version: "3.0"\n${services}${proxy}`),
    );
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/good\.yaml: \d+ different, \d+ better\n/);
    expect(out).toMatch(/Works in another way here\n {2}listens on 8000/);
    expect(out).toContain("Not set here, so not checked: DECK_URL, DECK_KEY");
  });

  it("ends with 1 where something is left out, and what it writes serves requests", async () => {
    const source = file(
      "old.yaml",
      `_format_version: "1.1"\n${services}    - name: acl\n      config: {allow: [a]}\n${proxy}`,
    );
    const output = join(folder, "out.yaml");
    const { code, out } = await run("convert", source, "-o", output);
    expect(code).toBe(1);
    expect(out).toMatch(
      /old\.yaml:9:7: services\[0\]\.routes\[0\]\.plugins\[0\]\.name, plugin acl: plugin `acl` is not supported/,
    );
    expect(out).toContain(`${output} is written: sluice check ${output}`);
    const stack = await startStack({
      config: (simulator) =>
        readFileSync(output, "utf8").replace('${{ env "DECK_URL" }}', chatUrl(simulator)),
      env: { DECK_KEY: "sk-test" },
    });
    try {
      expect((await stack.ask("Hello")).status).toBe(200);
    } finally {
      await stack.close();
    }
  });

  it("prints its findings as JSON, and writes JSON where the name says so", async () => {
    const source = file("own.yaml", '_format_version: "3.0"\nplugins:\n- name: my-own\n- name: key-auth\n');
    const output = join(folder, "out.json");
    const { code, out } = await run("convert", source, "--json", "-o", output);
    expect(code).toBe(1);
    const report = JSON.parse(out);
    expect(report).toMatchObject({ file: source, supported: false, variables: [] });
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        group: "unsupported",
        path: "plugins[0].name",
        line: 3,
        leftOut: "plugin my-own",
      }),
    );
    expect(JSON.parse(readFileSync(output, "utf8"))).toEqual({
      _format_version: "3.0",
      plugins: [{ name: "key-auth" }],
    });
  });

  it("does not write over what it reads, and says what is wrong with a command line or a file", async () => {
    const source = file("same.yaml", '_format_version: "3.0"\n');
    expect(await run("convert", source, "-o", source)).toMatchObject({
      code: 2,
      err: expect.stringContaining("would overwrite"),
    });
    const link = join(folder, "link.yaml");
    symlinkSync(source, link);
    expect(await run("convert", source, "-o", link)).toMatchObject({
      code: 2,
      err: expect.stringContaining("would overwrite"),
    });
    expect(await run("convert")).toMatchObject({
      code: 2,
      err: expect.stringContaining("convert FILE [-o OUT] [--json]"),
    });
    expect(await run("convert", join(folder, "nowhere.yaml"))).toMatchObject({
      code: 1,
      err: expect.stringContaining("ENOENT"),
    });
    expect(await run("convert", file("no.yaml", "a: ["))).toMatchObject({
      code: 1,
      err: expect.stringContaining("nothing was converted"),
    });
    expect(await run("convert", source, "-o", join(folder, "no", "out.yaml"))).toMatchObject({
      code: 1,
      err: expect.stringContaining("cannot be written"),
    });
  });
});
