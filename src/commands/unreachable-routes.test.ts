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
