import { describe, expect, it } from "vitest";
import type { BodySink, BodyStream } from "../http/reply.ts";
import { type BodyEnd, watchBody } from "./watched-body.ts";

function setUp() {
  const ends: BodyEnd[] = [];
  const said: string[] = [];
  let inner: BodySink | undefined;
  const body: BodyStream = {
    start(sink) {
      inner = sink;
      return { resume: () => said.push("resume"), cancel: ({ message }) => said.push(`cancel ${message}`) };
    },
  };
  const flow = watchBody(body, (end) => ends.push(end)).start({
    write: (chunk) => said.push(`write ${chunk}`) < 2,
    end: () => said.push("end"),
    fail: ({ message }) => said.push(`fail ${message}`),
  });
  if (inner === undefined) throw new Error("it was not started");
  return { ends, said, flow, inner };
}

describe("a watched body", () => {
  it("passes on bytes, back-pressure and its end, and tells of that", () => {
    const { ends, flow, inner, said } = setUp();
    expect([inner.write("a"), inner.write("b")]).toEqual([true, false]);
    flow.resume();
    expect(ends).toEqual([]);
    inner.end();
    expect(said).toEqual(["write a", "write b", "resume", "end"]);
    expect(ends).toEqual(["ended"]);
  });

  it("tells of an upstream that broke off and of a reader that left, once", () => {
    const cut = setUp();
    cut.inner.fail(new Error("x"));
    cut.flow.cancel(new Error("y"));
    expect([cut.ends, cut.said]).toEqual([["cut"], ["fail x", "cancel y"]]);
    const left = setUp();
    left.flow.cancel(new Error("y"));
    left.inner.end();
    expect(left.ends).toEqual(["left"]);
  });
});
