import { describe, expect, it } from "vitest";
import { settled } from "../../../test/support/fake-clock.ts";
import { type AwsCredentials, fixedCredentials, keepCredentials } from "./credentials.ts";

const minute = 60_000;
const { signal } = new AbortController();

/** Credentials that live an hour, numbered; loading waits where the test says so, and fails where it says so. */
function createLoader() {
  const state = {
    now: 0,
    loads: 0,
    lifetimeMs: (60 * minute) as number | undefined,
    failure: undefined as Error | undefined,
  };
  let gate: Promise<void> | undefined;
  const load = async (): Promise<AwsCredentials> => {
    state.loads++;
    const number = state.loads;
    await gate;
    if (state.failure !== undefined) throw state.failure;
    const { lifetimeMs, now } = state;
    return {
      accessKeyId: `key-${number}`,
      secretAccessKey: "secret",
      ...(lifetimeMs !== undefined && { expiresAtMs: now + lifetimeMs }),
    };
  };
  const source = keepCredentials(load, () => state.now);
  const key = async () => (await source.get(signal)).accessKeyId;
  const hold = () => {
    let open = () => {};
    gate = new Promise((resolve) => {
      open = resolve;
    });
    return () => {
      gate = undefined;
      open();
    };
  };
  return Object.assign(state, { source, key, hold });
}

describe("kept credentials", () => {
  it("are loaded once for all who ask at the same time, and not again while they last", async () => {
    const loader = createLoader();
    expect(await Promise.all([loader.key(), loader.key(), loader.key()])).toEqual([
      "key-1",
      "key-1",
      "key-1",
    ]);
    loader.now = 54 * minute;
    expect(await loader.key()).toBe("key-1");
    expect(loader.loads).toBe(1);
  });

  it("are renewed on the side in their last five minutes, without anyone waiting", async () => {
    const loader = createLoader();
    await loader.key();
    loader.now = 55 * minute;
    const release = loader.hold();
    expect(await Promise.all([loader.key(), loader.key()])).toEqual(["key-1", "key-1"]);
    expect(loader.loads).toBe(2);
    release();
    await settled();
    expect(await loader.key()).toBe("key-2");
    expect(loader.loads).toBe(2);
  });

  it("are waited for in their last minute", async () => {
    const loader = createLoader();
    await loader.key();
    loader.now = 59 * minute;
    expect(await loader.key()).toBe("key-2");
  });

  it("serve on while they last when renewing fails, tried every half minute; then the failure shows", async () => {
    const loader = createLoader();
    await loader.key();
    loader.failure = new Error("down");
    loader.now = 56 * minute;
    for (let ask = 0; ask < 5; ask++) {
      expect(await loader.key()).toBe("key-1");
      await settled();
    }
    expect(loader.loads).toBe(2);
    loader.now += minute / 2;
    expect(await loader.key()).toBe("key-1");
    await settled();
    expect(loader.loads).toBe(3);
    loader.now = 59.5 * minute;
    await expect(loader.key()).rejects.toThrow("down");
    loader.failure = undefined;
    expect(await loader.key()).toBe("key-5");
  });

  it("are never renewed where they do not expire", async () => {
    const loader = createLoader();
    loader.lifetimeMs = undefined;
    await loader.key();
    loader.now = 1e12;
    expect(await loader.key()).toBe("key-1");
  });

  it("go on being loaded when the one who asked leaves, for the next one's sake", async () => {
    const loader = createLoader();
    const release = loader.hold();
    const caller = new AbortController();
    const first = loader.source.get(caller.signal);
    caller.abort(new Error("left"));
    await expect(first).rejects.toThrow("left");
    const second = loader.key();
    release();
    expect(await second).toBe("key-1");
    expect(loader.loads).toBe(1);
    await expect(loader.source.get(caller.signal)).rejects.toThrow("left");
  });

  it("end no process when everyone has left and loading fails", async () => {
    const loader = createLoader();
    const release = loader.hold();
    const caller = new AbortController();
    const first = loader.source.get(caller.signal);
    caller.abort(new Error("left"));
    await expect(first).rejects.toThrow("left");
    loader.failure = new Error("down");
    release();
    await settled();
    expect(loader.loads).toBe(1);
  });

  it("are forgotten when a service calls them expired, but not when they are new already", async () => {
    const loader = createLoader();
    await loader.key();
    loader.now = minute;
    expect(loader.source.renew()).toBe(true);
    expect(loader.source.renew()).toBe(true);
    expect(await loader.key()).toBe("key-2");
    expect(loader.source.renew()).toBe(true);
    expect(await loader.key()).toBe("key-2");
  });
});

describe("fixed credentials", () => {
  it("cannot be renewed", async () => {
    const source = fixedCredentials({ accessKeyId: "a", secretAccessKey: "s" });
    expect(source.renew()).toBe(false);
    expect(await source.get(signal)).toEqual({ accessKeyId: "a", secretAccessKey: "s" });
  });
});
