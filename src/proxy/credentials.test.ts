import { describe, expect, it } from "vitest";
import { addCredentials, type ClientValues, type Credentials, hasCredentials } from "./credentials.ts";

const call = Object.freeze({
  headers: Object.freeze({ accept: "x" }),
  path: "/v1/chat?x=1",
  body: Object.freeze({ a: 1 }),
});

const client = (
  values: {
    headers?: Record<string, string>;
    query?: Record<string, string>;
    body?: Record<string, string>;
  } = {},
): ClientValues => ({
  header: (name) => values.headers?.[name],
  query: (name) => values.query?.[name],
  body: values.body ?? {},
});

const sign = (credentials: Partial<Credentials>, from: ClientValues = client()) =>
  addCredentials(call, { allowOverride: false, ...credentials }, from);

describe("a credential in a header", () => {
  const header = { headerName: "Authorization", headerValue: "Bearer ours" };

  it("is added under its lower-case name", () => {
    expect(sign(header)).toEqual({ ...call, headers: { accept: "x", authorization: "Bearer ours" } });
  });

  it("replaces what the client sent", () => {
    const signed = sign(header, client({ headers: { authorization: "Bearer theirs" } }));
    expect(signed.headers["authorization"]).toBe("Bearer ours");
  });

  it("gives way to the client's own where that is allowed and there is one", () => {
    const own = client({ headers: { authorization: "Bearer theirs" } });
    expect(sign({ ...header, allowOverride: true }, own).headers["authorization"]).toBe("Bearer theirs");
    expect(sign({ ...header, allowOverride: true }).headers["authorization"]).toBe("Bearer ours");
  });

  it("is not half added", () => {
    expect(sign({ headerName: "x-api-key" })).toEqual(call);
    expect(sign({ headerValue: "v" })).toEqual(call);
  });
});

describe("a credential in a parameter", () => {
  const query = { paramName: "api key", paramValue: "s&e=cret", paramLocation: "query" } as const;

  it("goes into the query, encoded", () => {
    expect(sign(query).path).toBe("/v1/chat?x=1&api%20key=s%26e%3Dcret");
    expect(addCredentials({ ...call, path: "/v1" }, { ...query, allowOverride: false }, client()).path).toBe(
      "/v1?api%20key=s%26e%3Dcret",
    );
  });

  it("goes into the body, in place of what the client sent", () => {
    const signed = sign({ ...query, paramLocation: "body" }, client({ body: { "api key": "theirs" } }));
    expect(signed.body).toEqual({ a: 1, "api key": "s&e=cret" });
    expect(signed.path).toBe(call.path);
  });

  it("gives way to the client's own where that is allowed", () => {
    const own = client({ query: { "api key": "q" }, body: { "api key": "b" } });
    expect(sign({ ...query, allowOverride: true }, own).path).toBe("/v1/chat?x=1&api%20key=q");
    expect(sign({ ...query, paramLocation: "body", allowOverride: true }, own).body).toEqual({
      a: 1,
      "api key": "b",
    });
  });
});

describe("addCredentials", () => {
  it("adds header and parameter together and changes none of its inputs", () => {
    const signed = sign({
      headerName: "k",
      headerValue: "v",
      paramName: "p",
      paramValue: "w",
      paramLocation: "body",
    });
    expect(signed).toEqual({ headers: { accept: "x", k: "v" }, path: call.path, body: { a: 1, p: "w" } });
    expect(call).toEqual({ headers: { accept: "x" }, path: "/v1/chat?x=1", body: { a: 1 } });
  });

  it("leaves a call as it is where the target has none", () => {
    expect(sign({})).toEqual(call);
    expect(hasCredentials({ allowOverride: false })).toBe(false);
    expect(hasCredentials({ allowOverride: false, headerName: "k", headerValue: "v" })).toBe(true);
    expect(hasCredentials({ allowOverride: false, paramName: "k", paramValue: "v" })).toBe(true);
  });
});
