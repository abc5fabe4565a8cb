import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settled } from "../../test/support/fake-clock.ts";
import { fixed, keep } from "./kept.ts";

const minute = 60_000;
const { signal } = new AbortController();

interface Token {
  readonly name: string;
  readonly expiresAtMs?: number;
}

/** An issuer whose answers the test gives, oldest question first, on a clock of the test's. */
function createIssuer(lifetimeMs: number | undefined = 60 * minute) {
  const clock = { ms: 1_000_000 };
  const questions: { resolve(token: Token): void; reject(error: Error): void }[] = [];
  let calls = 0;
  const kept = keep(
    () =>
      new Promise<Token>((resolve, reject) => {
        calls++;
        questions.push({ resolve, reject });
      }),
    () => clock.ms,
  );
  const issuer = {
    kept,
    clock,
    get calls() {
      return calls;
    },
    async answer() {
      const end = lifetimeMs === undefined ? {} : { expiresAtMs: clock.ms + lifetimeMs };
      questions.shift()?.resolve({ name: `token-${calls}`, ...end });
      await settled();
    },
    async refuse(error: Error) {
      questions.shift()?.reject(error);
      await settled();
    },
    /** What a caller gets; what it has to wait for is answered. */
    async name() {
      const asked = kept.get(signal);
      await issuer.answer();
      return (await asked).name;
    },
    /** What a caller gets that need not wait. */
    nameAtOnce: async () => (await kept.get(signal)).name,
  };
  return issuer;
}

describe("what is kept", () => {
  it("is fetched once for all who ask at the same time, and not again while it lasts", async () => {
    const issuer = createIssuer();
    const callers = Array.from({ length: 20 }, () => issuer.kept.get(new AbortController().signal));
    await issuer.answer();
    expect(new Set((await Promise.all(callers)).map(({ name }) => name))).toEqual(new Set(["token-1"]));
    issuer.clock.ms += 55 * minute;
    expect(await issuer.nameAtOnce()).toBe("token-1");
    expect(issuer.calls).toBe(1);
  });

  it("is not handed out in its last minute", async () => {
    const issuer = createIssuer();
    await issuer.name();
    issuer.clock.ms += 59 * minute;
    expect(await issuer.name()).toBe("token-2");
  });

  it("is renewed on the side in its last minutes, without haste when that fails; then the failure shows", async () => {
    const issuer = createIssuer();
    await issuer.name();
    issuer.clock.ms += 56 * minute;
    expect(await Promise.all([issuer.nameAtOnce(), issuer.nameAtOnce()])).toEqual(["token-1", "token-1"]);
    expect(issuer.calls).toBe(2);
    await issuer.refuse(new Error("down"));
    issuer.clock.ms += minute / 2 - 1;
    expect(await issuer.nameAtOnce()).toBe("token-1");
    expect(issuer.calls).toBe(2);
    issuer.clock.ms += 1;
    expect(await issuer.nameAtOnce()).toBe("token-1");
    expect(issuer.calls).toBe(3);
    await issuer.refuse(new Error("down"));
    issuer.clock.ms += 3 * minute;
    const told = expect(issuer.kept.get(signal)).rejects.toThrow("still down");
    await issuer.refuse(new Error("still down"));
    await told;
    expect(await issuer.name()).toBe("token-5");
  });

  it("is never renewed where it does not expire", async () => {
    let calls = 0;
    let ms = 0;
    const kept = keep(
      async (): Promise<Token> => ({ name: `token-${++calls}` }),
      () => ms,
    );
    await kept.get(signal);
    ms = 1e12;
    expect(await kept.get(signal)).toEqual({ name: "token-1" });
  });

  it("comes although every caller that waited for it has left, for the next one", async () => {
    const issuer = createIssuer();
    const controllers = [new AbortController(), new AbortController()];
    const callers = controllers.map((controller) => issuer.kept.get(controller.signal));
    const gone = new Error("gone");
    for (const controller of controllers) controller.abort(gone);
    for (const caller of callers) await expect(caller).rejects.toBe(gone);
    await issuer.answer();
    expect(await issuer.nameAtOnce()).toBe("token-1");
    expect(issuer.calls).toBe(1);
  });

  it("is not for a caller that has left before it asks, and nothing is fetched for it", async () => {
    const issuer = createIssuer();
    await expect(issuer.kept.get(AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
    expect(issuer.calls).toBe(0);
  });

  it("stays with those who wait when one of them leaves", async () => {
    const issuer = createIssuer();
    const controller = new AbortController();
    const leaving = issuer.kept.get(controller.signal);
    const staying = issuer.kept.get(signal);
    controller.abort(new Error("gone"));
    await expect(leaving).rejects.toThrow("gone");
    await issuer.answer();
    expect((await staying).name).toBe("token-1");
  });

  it("rejects all who wait when the fetch fails, and is fetched anew by the next", async () => {
    const issuer = createIssuer();
    const callers = [issuer.kept.get(signal), issuer.kept.get(signal)];
    for (const caller of callers) caller.catch(() => undefined);
    await issuer.refuse(new Error("no such client"));
    for (const caller of callers) await expect(caller).rejects.toThrow("no such client");
    expect(await issuer.name()).toBe("token-2");
  });

  it("is fetched anew also after a fetch that threw before it gave a promise", async () => {
    let calls = 0;
    const kept = keep(
      (): Promise<Token> => {
        if (++calls === 1) throw new Error("no key");
        return Promise.resolve({ name: `token-${calls}` });
      },
      () => 0,
    );
    await expect(kept.get(signal)).rejects.toThrow("no key");
    expect(await kept.get(signal)).toEqual({ name: "token-2" });
  });

  it("ends no process when everyone has left and the fetch fails", async () => {
    const issuer = createIssuer();
    const controller = new AbortController();
    const caller = issuer.kept.get(controller.signal);
    controller.abort(new Error("gone"));
    await expect(caller).rejects.toThrow("gone");
    // An unhandled rejection fails the run.
    await issuer.refuse(new Error("down"));
    expect(issuer.calls).toBe(1);
  });

  it("is handed out, and not kept, when it comes with less than a minute left", async () => {
    const issuer = createIssuer(30_000);
    expect(await issuer.name()).toBe("token-1");
    expect(await issuer.name()).toBe("token-2");
  });

  it("never has less than a minute left, and is not fetched more often than it must", async () => {
    const steps = fc.array(fc.integer({ min: 0, max: 400_000 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 5, max: 90 }), async (pauses, lifetimeMinutes) => {
        let ms = 0;
        let calls = 0;
        const kept = keep(
          async () => {
            calls++;
            return { expiresAtMs: ms + lifetimeMinutes * minute };
          },
          () => ms,
        );
        for (const pause of pauses) {
          ms += pause;
          expect((await kept.get(signal)).expiresAtMs - ms).toBeGreaterThan(minute);
          await settled();
        }
        // One for each span in which it is fresh, and the first.
        expect(calls).toBeLessThanOrEqual(1 + ms / ((lifetimeMinutes - 4) * minute));
      }),
    );
  });
});

describe("what a service has refused", () => {
  it("is forgotten once, however many calls were refused with it", async () => {
    const issuer = createIssuer();
    await issuer.name();
    issuer.clock.ms += minute;
    expect(issuer.kept.renew()).toBe(true);
    expect(issuer.kept.renew()).toBe(true);
    expect(await issuer.name()).toBe("token-2");
    // This one's call had set out with the first.
    expect(issuer.kept.renew()).toBe(true);
    expect(await issuer.nameAtOnce()).toBe("token-2");
    expect(issuer.calls).toBe(2);
  });

  it("is forgotten again when its successor is refused later", async () => {
    const issuer = createIssuer();
    await issuer.name();
    for (const next of ["token-2", "token-3"]) {
      issuer.clock.ms += minute / 2;
      expect(issuer.kept.renew()).toBe(true);
      expect(await issuer.name()).toBe(next);
    }
  });

  it("stays when it is the first and new: another would be refused as well", async () => {
    const issuer = createIssuer();
    await issuer.name();
    issuer.clock.ms += minute / 2 - 1;
    expect(issuer.kept.renew()).toBe(false);
    expect(await issuer.nameAtOnce()).toBe("token-1");
    issuer.clock.ms += 1;
    expect(issuer.kept.renew()).toBe(true);
    expect(await issuer.name()).toBe("token-2");
  });

  it("cannot be renewed where it is fixed", async () => {
    const kept = fixed({ name: "only" });
    expect(kept.renew()).toBe(false);
    expect(await kept.get(signal)).toEqual({ name: "only" });
    await expect(kept.get(AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
  });
});
