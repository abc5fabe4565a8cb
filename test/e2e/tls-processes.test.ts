/** `sluice start --proxy-listen-ssl`: real processes, with and without workers, and real signals. */
import { copyFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { hello } from "../support/ask.ts";
import { until } from "../support/gateway.ts";
import { askSecure, shownTo } from "../support/secure-client.ts";
import type { RunningGateway, Workplace } from "../support/sluice-process.ts";
import { useProcesses } from "../support/use-processes.ts";

let simulator: Simulator;
let workplace: Workplace;
useProcesses((parts) => {
  ({ simulator, workplace } = parts);
});

/** Puts a certificate of the fixtures where the gateway finds its own. */
function place(pair: "server" | "client" | "expired"): void {
  for (const kind of ["crt", "key"]) {
    const from = fileURLToPath(new URL(`../fixtures/tls/${pair}.${kind}`, import.meta.url));
    copyFileSync(from, join(workplace.folder, `own.${kind}`));
  }
}

const chat = { path: "/chat", method: "POST", headers: { "content-type": "application/json" } };

async function start(...args: string[]): Promise<RunningGateway & { readonly port: number }> {
  const own = ["--ssl-cert", "own.crt", "--ssl-cert-key", "own.key"];
  const gateway = await workplace.start(["--proxy-listen-ssl", "127.0.0.1:0", ...own, ...args]);
  const { proxy_ssl: secure = "" } = gateway.addresses;
  expect(secure).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  return { ...gateway, port: Number(new URL(secure).port) };
}

/** A stream of which the first part has come; resolves with all of it. */
async function beginStream(port: number): Promise<{ readonly rest: Promise<string> }> {
  const asked = request({ ...chat, host: "127.0.0.1", port, rejectUnauthorized: false, agent: false });
  asked.end(JSON.stringify({ ...hello, stream: true }));
  let text = "";
  const rest = new Promise<string>((resolve, reject) => {
    asked.on("error", reject);
    asked.on("response", (response) => {
      response.on("data", (part) => {
        text += String(part);
      });
      response.on("error", reject);
      response.on("end", () => resolve(text));
    });
  });
  await until(() => text !== "", "the stream's first part");
  return { rest };
}

describe("a gateway process that speaks TLS", () => {
  it.each([["alone"], ["with workers", "--workers", "2"]])(
    "%s shows the certificate of its files as they are at a reload, keeps it where they are broken, warns once of one that is over, survives garbage, and drains at a stop",
    async (_how, ...args) => {
      place("server");
      simulator.behave({ behaviour: { outputTokens: 40, perTokenMs: 5 } });
      const gateway = await start(...args);
      const { port, signal, finished, stderr } = gateway;
      const garbage = connect(port, "127.0.0.1", () => garbage.write("GET / HTTP/1.1\r\n\r\n"));
      garbage.resume().on("error", () => undefined); // a close follows
      await new Promise((resolve) => garbage.once("close", resolve));
      const asked = [1, 2, 3].map(() => askSecure(port, { ...chat, body: JSON.stringify(hello) }));
      expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(await shownTo(port, "any.example")).toBe("localhost");

      place("client");
      signal("SIGHUP");
      await until(() => stderr().includes("reloaded"), "the reload");
      expect(await shownTo(port, "any.example")).toBe("postgres");

      expect(stderr()).not.toMatch(/"level":"(?:warn|error|debug)"/);
      writeFileSync(join(workplace.folder, "own.key"), "no key");
      signal("SIGHUP");
      await until(
        () => /refused.*--ssl-cert-key own\.key holds no private key/.test(stderr()),
        "the refusal",
      );
      expect(await shownTo(port, "any.example")).toBe("postgres");

      place("expired");
      signal("SIGHUP");
      await until(() => stderr().includes("has expired"), "the warning");
      expect(await shownTo(port, "any.example")).toBe("expired.test");
      const warnings = stderr()
        .split("\n")
        .filter((line) => line.includes('"level":"warn"'));
      expect(warnings.map((line) => JSON.parse(line))).toMatchObject([
        { certificate: "--ssl-cert own.crt", snis: "*", until: expect.stringMatching(/^2016-/) },
      ]);

      const stream = await beginStream(port);
      signal("SIGTERM");
      expect((await stream.rest).endsWith("data: [DONE]\n\n")).toBe(true);
      expect((await finished).code).toBe(0);
      await expect(askSecure(port)).rejects.toThrow(/ECONNREFUSED/);
      expect(gateway.records().map(({ request: asked }) => (asked as { url: string }).url)).toEqual(
        Array(4).fill(`https://127.0.0.1:${port}/chat`),
      );
    },
  );

  it("does not start with files that are no certificate, and says which", async () => {
    place("server");
    await expect(start("--ssl-cert", "gateway.yaml")).rejects.toThrow(
      /--ssl-cert gateway\.yaml holds no certificate: expected PEM/,
    );
  });
});
