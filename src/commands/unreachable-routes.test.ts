import { expect, it } from "vitest";
import { configOf, routeConfig } from "../../test/support/fake-plugins.ts";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import { createRouteWarning } from "./unreachable-routes.ts";

const secure = configOf({
  routes: [
    routeConfig("a", { protocols: ["https"], name: "one" }),
    routeConfig("b", { protocols: ["https"] }),
    routeConfig("c"),
    routeConfig("d", { paths: undefined, snis: ["a.example"] }),
    routeConfig("e", { snis: ["a.example"] }),
  ],
});
const plain = configOf({ routes: [routeConfig("c")] });

it("names routes for https alone, once for as long as they are the same", () => {
  const log = createRecordingLogger();
  const warn = createRouteWarning({ proxyListenSsl: undefined, trustedIps: [] }, log);
  for (const config of [plain, secure, secure, plain, secure]) warn(config);
  expect(log.lines).toMatchObject([
    { level: "warn", facts: { routes: "one, b, d" } },
    { level: "warn", facts: { routes: "one, b, d" } },
  ]);
});

it("says nothing where something speaks TLS", () => {
  const log = createRecordingLogger();
  createRouteWarning({ proxyListenSsl: { host: "::", port: 8443 }, trustedIps: [] }, log)(secure);
  createRouteWarning({ proxyListenSsl: undefined, trustedIps: ["10.0.0.0/8"] }, log)(secure);
  expect(log.lines).toEqual([]);
});

it("names the first few of many, and tells when others change", () => {
  const log = createRecordingLogger();
  const warn = createRouteWarning({ proxyListenSsl: undefined, trustedIps: [] }, log);
  const many = Array.from({ length: 300 }, (_, at) => routeConfig(`r${at}`, { protocols: ["https"] }));
  warn(configOf({ routes: many }));
  warn(configOf({ routes: [...many.slice(1), routeConfig("x", { protocols: ["https"] })] }));
  expect(log.lines.map(({ facts }) => facts["routes"])).toEqual([
    expect.stringMatching(/^r0, .*, r9 and 290 more$/),
    expect.stringMatching(/^r1, .*, r10 and 290 more$/),
  ]);
});
