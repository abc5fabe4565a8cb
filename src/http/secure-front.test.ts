import { describe, expect, it } from "vitest";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import { pairOf } from "../../test/support/secure-client.ts";
import type { Listener } from "./listener.ts";
import { openSecureFront } from "./secure-front.ts";
import type { ServedCertificate } from "./server-certificates.ts";

const served = (pair: "server" | "client", ...serverNames: string[]): ServedCertificate => ({
  name: pair,
  ...pairOf(pair),
  serverNames,
});

/** A front on a listener that only counts how often its certificates are said to be others. */
async function openFront(certificates: readonly ServedCertificate[], fallback?: () => ServedCertificate) {
  let renewals = 0;
  const listener: Pick<Listener, "openSecure"> = {
    openSecure: async () => ({ address: "127.0.0.1", port: 1, renew: () => void renewals++ }),
  };
  const front = await openSecureFront(listener as Listener, certificates, {
    at: { host: "127.0.0.1", port: 0 },
    readFallback: fallback ?? (() => undefined),
    log: createRecordingLogger(),
    now: () => 0,
  });
  return { front, renewals: () => renewals };
}

describe("a way in for TLS whose certificates are swapped", () => {
  it("leaves sessions to be resumed where a reload brings the same ones, and renews for others", async () => {
    const { front, renewals } = await openFront([served("server", "a.example")]);
    front.take(front.prepare([served("server", "a.example")]));
    expect(renewals()).toBe(0);
    front.take(front.prepare([served("server", "b.example")]));
    expect(renewals()).toBe(1);
  });

  it("asks for the certificate of all others anew with every config", async () => {
    const files = [served("server"), served("client")];
    const { front, renewals } = await openFront([], () => files.shift() ?? served("client"));
    const next = front.prepare([]);
    expect(next.unnamed.cert).toBe(served("client").cert);
    front.take(next);
    expect(renewals()).toBe(1);
  });
});
