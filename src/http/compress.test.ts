import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { bodyOf } from "../../test/support/body-streams.ts";
import { compressReply } from "./compress.ts";
import type { Reply } from "./reply.ts";

const reply = (body: Reply["body"]): Reply => ({
  status: 200,
  headers: { "content-type": "application/json" },
  body,
});
const plain = (bytes: unknown) => gunzipSync(bytes as Uint8Array).toString("utf8");

describe("compressReply", () => {
  it.each([300, 16 * 1024, 16 * 1024 + 1, 300_000])(
    "compresses %i bytes for a client that takes gzip",
    async (size) => {
      const text = "ü".repeat(size / 2);
      for (const body of [text, Buffer.from(text)]) {
        const answer = await compressReply(reply(body), "gzip, deflate, br");
        expect(answer.headers).toEqual({
          "content-type": "application/json",
          "content-encoding": "gzip",
          vary: "Accept-Encoding",
        });
        expect(plain(answer.body)).toBe(text);
      }
    },
  );

  it.each([undefined, "", "br", "identity", "gzip;q=0", "*;q=0"])(
    "leaves the answer as it is for Accept-Encoding %j",
    (accepted) => {
      const answer = reply("x".repeat(1000));
      expect(compressReply(answer, accepted)).toBe(answer);
    },
  );

  it("takes the header as a list", async () => {
    const answer = await compressReply(reply("x".repeat(1000)), ["br", "gzip"]);
    expect(answer.headers["content-encoding"]).toBe("gzip");
  });

  it("leaves what is short, is streamed or is nothing as it is", () => {
    for (const body of ["x".repeat(199), bodyOf(["x".repeat(1000)]), undefined]) {
      const answer = reply(body);
      expect(compressReply(answer, "gzip")).toBe(answer);
    }
  });

  it("does not change the reply it was given", async () => {
    const answer = reply("x".repeat(1000));
    await compressReply(answer, "gzip");
    expect(answer).toEqual(reply("x".repeat(1000)));
  });
});
