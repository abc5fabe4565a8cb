import { describe, expect, it } from "vitest";
import { bodyOf, createScriptedBody } from "../../test/support/body-streams.ts";
import { settled } from "../../test/support/fake-clock.ts";
import { readAll } from "./read-all.ts";

describe("readAll", () => {
  it("gives all bytes, whatever they come as and however they are cut", async () => {
    const bytes = Buffer.from("Grüße 🙂");
    for (let size = 1; size <= bytes.length; size++) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      );
      expect((await readAll(bodyOf(chunks), 100)).toString("utf8")).toBe("Grüße 🙂");
    }
    expect((await readAll(bodyOf(["ü", new Uint8Array([33])]), 100)).toString("utf8")).toBe("ü!");
    expect(await readAll(bodyOf([]), 100)).toHaveLength(0);
  });

  it("takes just the limit and rejects one byte more, and stops the body", async () => {
    expect(await readAll(bodyOf(["abc", "de"]), 5)).toHaveLength(5);
    const body = createScriptedBody();
    const reading = readAll(body, 5);
    expect(body.write("abc")).toBe(true);
    expect(body.write("def")).toBe(false);
    await expect(reading).rejects.toThrow("the answer is larger than 5 bytes");
    expect(body.cancelled?.message).toContain("larger than 5 bytes");
    expect(body.write("more")).toBe(false);
    body.end();
    await settled();
  });

  it("rejects and stops a body that was too large from the start", async () => {
    await expect(readAll(bodyOf(["abcdef"]), 5)).rejects.toThrow("larger than 5");
  });

  it("rejects with the body's own reason when it is cut", async () => {
    const reason = new Error("other side closed");
    await expect(readAll(bodyOf(["abc"], reason), 5)).rejects.toBe(reason);
  });
});
