import { X509Certificate } from "node:crypto";
import { expect, it } from "vitest";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import { pairOf, pem } from "../../test/support/secure-client.ts";
import type { ServedCertificate } from "../http/server-certificates.ts";
import { createDateWarning } from "./certificate-dates.ts";

const dayMs = 86_400_000;
const served: ServedCertificate = {
  name: "id-1",
  ...pairOf("server"),
  serverNames: ["a.example", "b.example"],
};
const { validFrom, validTo } = new X509Certificate(served.cert);
const [from, until] = [Date.parse(validFrom), Date.parse(validTo)];
const iso = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");

function warnFrom(start: number) {
  const log = createRecordingLogger();
  const clock = createFakeClock();
  const warning = createDateWarning({ log, wallClock: () => start + clock.now(), schedule: clock.schedule });
  return { ...warning, clock, messages: () => log.lines.map(({ message }) => message), lines: log.lines };
}

it.each([
  ["has expired", until + 1],
  ["is not valid yet", from - 1],
  ["ends soon", until],
  ["ends soon", until - 14 * dayMs + 1],
])("says that a certificate %s", (what, now) => {
  const { take, lines } = warnFrom(now);
  take([served]);
  expect(lines).toEqual([
    {
      level: "warn",
      message: expect.stringMatching(new RegExp(`^a certificate ${what}`)),
      facts: { certificate: "id-1", snis: "a.example, b.example", from: iso(from), until: iso(until) },
    },
  ]);
});

it.each([from, until - 14 * dayMs])("says nothing of one that clients take for long", (now) => {
  const { take, lines } = warnFrom(now);
  take([served]);
  expect(lines).toEqual([]);
});

it("says it again every day, and as it is by then, while the certificate is shown", async () => {
  const { take, clock, messages, close } = warnFrom(until - 2.5 * dayMs);
  take([served]);
  await clock.advance(3.5 * dayMs);
  expect(messages().map((message) => /ends|expired/.exec(message)?.[0])).toEqual([
    "ends",
    "ends",
    "ends",
    "expired",
  ]);
  take([]);
  await clock.advance(2 * dayMs);
  expect(messages()).toHaveLength(4);
  close();
  take([served]); // of a reload that was on its way
  expect(messages()).toHaveLength(4);
  expect(clock.timers).toBe(0);
});

it("says it at each config, but not of many in a row, unless something else is to be said", async () => {
  const { take, clock, messages } = warnFrom(until + 1);
  for (let round = 0; round < 3; round++) take([served]);
  expect(messages()).toHaveLength(1);
  take([served, { ...served, name: "--ssl-cert own.crt", serverNames: ["*"] }]);
  expect(messages()).toHaveLength(2);
  await clock.advance(60_000);
  take([served]);
  expect(messages()).toHaveLength(3);
});

it("tells of the first few of many, in one line of the others, and shortens long lists of names", () => {
  const { take, lines } = warnFrom(until + 1);
  const many = Array.from({ length: 300 }, (_, at) => ({
    ...served,
    name: `id-${at}`,
    serverNames: Array.from({ length: 200 }, (_name, name) => `n${name}.example`),
  }));
  take(many);
  take(many);
  expect(lines).toHaveLength(6);
  expect(lines[0]?.facts["snis"]).toMatch(/^n0\.example, .*, n9\.example and 190 more$/);
  expect(lines[5]).toMatchObject({
    level: "warn",
    facts: { certificates: expect.stringMatching(/^id-5, .*, id-14 and 285 more$/) },
  });
});

it("tells of those that end first before others", () => {
  const { take, lines } = warnFrom(until + 1);
  const rsa = { ...served, name: "rsa", cert: pem("rsa.crt") };
  const expired = { ...served, name: "old", cert: pem("expired.crt") };
  take([rsa, served, expired]);
  expect(lines.map(({ facts }) => facts["certificate"])).toEqual(["old", "id-1", "rsa"]);
});

it("tells of the one that ends first among those that vouch for it, but for a root", () => {
  const { take, lines } = warnFrom(until + 1); // of the fixtures rsa.crt is good for some days more
  const shown = [
    served.cert + pem("client.crt"),
    pem("rsa.crt") + served.cert,
    pem("rsa.crt") + pem("ca.crt"),
  ];
  for (const cert of shown) take([{ ...served, cert }]);
  expect(lines.map(({ message, facts }) => [/ends|expired/.exec(message)?.[0], facts["endsWith"]])).toEqual([
    ["expired", undefined],
    ["expired", "CN=localhost"],
    ["ends", undefined],
  ]);
});
