import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settled } from "../../test/support/fake-clock.ts";
import { cachedToken, type IssuedToken } from "./cached-token.ts";

const minute = 60_000;
const { signal } = new AbortController();

/** An issuer whose answers the test gives, on a clock of the test's. */
function issuer(lifetimeMs = 60 * minute) {
  const waiting: PromiseWithResolvers<IssuedToken>[] = [];
  const clock = { ms: 1_000_000 };
  let calls = 0;
  const source = cachedToken(
    () => {
      calls++;
      const deferred = withResolvers<IssuedToken>();
      waiting.push(deferred);
      return deferred.promise;
    },
    () => clock.ms,
  );
  return {
    source,
    clock,
    get calls() {
      return calls;
    },
    async answer() {
      waiting.shift()?.resolve({ token: `token-${calls}`, expiresAtMs: clock.ms + lifetimeMs });
      await settled();
    },
    async refuse(error: Error) {
      waiting.shift()?.reject(error);
      await settled();
    },
  };
}

interface PromiseWithResolvers<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: Error) => void;
}

function withResolvers<Value>(): PromiseWithResolvers<Value> {
  let resolve: (value: Value) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

describe("a cached token", () => {
  it("is asked for once by any number of callers, and kept", async () => {
    const cloud = issuer();
    const callers = Array.from({ length: 20 }, () => cloud.source(new AbortController().signal));
    await cloud.answer();
    expect(new Set(await Promise.all(callers))).toEqual(new Set(["token-1"]));
    cloud.clock.ms += 55 * minute;
    expect(await cloud.source(signal)).toBe("token-1");
    expect(cloud.calls).toBe(1);
  });

  it("is not handed out in its last minute", async () => {
    const cloud = issuer();
    const first = cloud.source(signal);
    await cloud.answer();
    await first;
    cloud.clock.ms += 59 * minute;
    const second = cloud.source(signal);
    await cloud.answer();
    expect(await second).toBe("token-2");
  });

  it("is renewed beside its callers in its last minutes, without haste when that fails", async () => {
    const cloud = issuer();
    const first = cloud.source(signal);
    await cloud.answer();
    await first;
    cloud.clock.ms += 57 * minute;
    expect(await cloud.source(signal)).toBe("token-1");
    expect(await cloud.source(signal)).toBe("token-1");
    expect(cloud.calls).toBe(2);
    await cloud.refuse(new Error("down"));
    expect(await cloud.source(signal)).toBe("token-1");
    expect(cloud.calls).toBe(2);
    cloud.clock.ms += 15_000;
    expect(await cloud.source(signal)).toBe("token-1");
    expect(cloud.calls).toBe(3);
    await cloud.answer();
    expect(await cloud.source(signal)).toBe("token-3");
  });

  it("comes although every caller that waited for it has left, for the next one", async () => {
    const cloud = issuer();
    const controllers = [new AbortController(), new AbortController()];
    const callers = controllers.map((controller) => cloud.source(controller.signal));
    const gone = new Error("gone");
    for (const controller of controllers) controller.abort(gone);
    for (const caller of callers) await expect(caller).rejects.toBe(gone);
    await cloud.answer();
    expect(await cloud.source(signal)).toBe("token-1");
    expect(cloud.calls).toBe(1);
  });

  it("stays with those who wait when one of them leaves", async () => {
    const cloud = issuer();
    const controller = new AbortController();
    const leaving = cloud.source(controller.signal);
    const staying = cloud.source(signal);
    controller.abort(new Error("gone"));
    await expect(leaving).rejects.toThrow("gone");
    await cloud.answer();
    expect(await staying).toBe("token-1");
  });

  it("rejects all who wait when it is refused, and is asked for anew by the next", async () => {
    const cloud = issuer();
    const callers = [cloud.source(signal), cloud.source(signal)];
    callers.forEach((caller) => {
      caller.catch(() => undefined);
    });
    await cloud.refuse(new Error("no such client"));
    for (const caller of callers) await expect(caller).rejects.toThrow("no such client");
    const next = cloud.source(signal);
    await cloud.answer();
    expect(await next).toBe("token-2");
  });

  it("is handed out, and not kept, when it is issued with less than a minute left", async () => {
    const cloud = issuer(30_000);
    const first = cloud.source(signal);
    await cloud.answer();
    expect(await first).toBe("token-1");
    const second = cloud.source(signal);
    await cloud.answer();
    expect(await second).toBe("token-2");
  });

  it("never has less than a minute left, and is not asked for more often than it must", async () => {
    const steps = fc.array(fc.integer({ min: 0, max: 400_000 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 5, max: 90 }), async (pauses, lifetimeMinutes) => {
        let ms = 0;
        let calls = 0;
        const source = cachedToken(
          async () => {
            calls++;
            const expiresAtMs = ms + lifetimeMinutes * minute;
            return { token: String(expiresAtMs), expiresAtMs };
          },
          () => ms,
        );
        for (const pause of pauses) {
          ms += pause;
          expect(Number(await source(signal)) - ms).toBeGreaterThan(minute);
          await settled();
        }
        // One for each span in which a token is fresh, and the first.
        expect(calls).toBeLessThanOrEqual(1 + ms / ((lifetimeMinutes - 4) * minute));
      }),
    );
  });
});
