import { describe, expect, it } from "vitest";
import { StoreError } from "../util/store-error.ts";
import { ConnectionLost, ErrorAnswer, redirectionOf, toStoreError } from "./failures.ts";

const place = "redis at somewhere:6379";

describe("errors of a redis server", () => {
  it.each([
    ["WRONGPASS invalid username-password pair or user is disabled.", "denied"],
    ["NOAUTH Authentication required.", "denied"],
    [
      "ERR AUTH <password> called without any password configured for the default user. Are you sure?",
      "denied",
    ],
    ["ERR Client sent AUTH, but no password is set", "denied"],
    ["ERR invalid password", "denied"],
    ["NOPERM User x has no permissions to run the 'hset' command", "denied"],
    ["LOADING Redis is loading the dataset in memory", "unreachable"],
    ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "unreachable"],
    ["CLUSTERDOWN The cluster is down", "unreachable"],
    ["CLUSTERDOWN Hash slot not served", "unreachable"],
    ["TRYAGAIN Multiple keys request during rehashing of slot", "unreachable"],
    ["BUSY Redis is busy running a script.", "unreachable"],
    ["ERR max number of clients reached", "unreachable"],
    ["READONLY You can't write against a read only replica.", "unreachable"],
    ["NOREPLICAS Not enough good replicas to write.", "unreachable"],
    ["OOM command not allowed when used memory > 'maxmemory'.", "denied"],
    [
      "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
      "denied",
    ],
    ["WRONGTYPE Operation against a key holding the wrong kind of value", "corrupt"],
    ["ERR DB index is out of range", "unfit"],
    ["ERR invalid DB index", "unfit"],
    ["ERR SELECT is not allowed in cluster mode", "unfit"],
    ["MOVED 866 10.0.0.2:6379", "unfit"],
    ["ERR unknown command 'FT.SEARCH', with args beginning with: 'a secret' ", "unfit"],
    ["EXECABORT Transaction discarded because of previous errors.", "unfit"],
  ])("sorts the answer %j as %s", (text, kind) => {
    const error = toStoreError(new ErrorAnswer(text), { place });
    expect(error).toBeInstanceOf(StoreError);
    expect(error.kind).toBe(kind);
    expect(error.message.startsWith(`${place} `)).toBe(true);
    expect(error.message).not.toContain("{text}");
  });

  it.each([
    [{ code: "ECONNREFUSED" }, "unreachable", "refuses connections"],
    [{ code: "ENOTFOUND" }, "unreachable", "does not resolve"],
    [{ code: "EHOSTUNREACH" }, "unreachable", "over the network"],
    [{ code: "EPROTO" }, "unfit", "set ssl to false"],
    [{ code: "ERR_SSL_WRONG_VERSION_NUMBER" }, "unfit", "set ssl to false"],
    [{ code: "ERR_TLS_CERT_ALTNAME_INVALID" }, "denied", "set server_name"],
    [{ code: "DEPTH_ZERO_SELF_SIGNED_CERT" }, "denied", "NODE_EXTRA_CA_CERTS"],
    [{ code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }, "denied", "NODE_EXTRA_CA_CERTS"],
    [{ code: "CERT_HAS_EXPIRED" }, "denied", "NODE_EXTRA_CA_CERTS"],
    [{}, "unreachable", "failed: what"],
  ])("sorts the fault %j as %s", (fields, kind, text) => {
    const error = toStoreError(Object.assign(new Error("what"), fields), { place });
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(text);
  });

  it("gives the reasons of all addresses of a name", () => {
    const refused = (address: string) =>
      Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: "ECONNREFUSED" });
    const error = new AggregateError([refused("::1:6379"), refused("127.0.0.1:6379")], "");
    expect(toStoreError(error, { place }).message).toContain("refuses connections");
  });

  it("repeats neither arguments nor secrets, not even in a cause", () => {
    const echoed = toStoreError(
      new ErrorAnswer("ERR unknown command 'AUTH', with args beginning with: 'hunter2'"),
      { place },
    );
    const told = toStoreError(new Error("proxy says no to hunter2"), { place, secrets: ["hunter2"] });
    for (const error of [echoed, told]) {
      expect(error.message).not.toContain("hunter2");
      expect(error.cause).toBeUndefined();
    }
    expect(told.message).toContain("no to ***");
    expect(toStoreError(new Error("plain"), { place, secrets: [""] }).message).toContain("plain");
  });

  it("tells why a connection was dropped rather than that it was", () => {
    const reason = new StoreError("unreachable", "no answer");
    const options = { hasAnswered: true, cause: reason };
    expect(toStoreError(new ConnectionLost("gone", options), { place })).toBe(reason);
    expect(
      toStoreError(new ConnectionLost("gone", { ...options, cause: undefined }), { place }).message,
    ).toBe(`${place} closed the connection (gone)`);
  });
});

describe("redirections of a cluster", () => {
  const from = { host: "10.0.0.1", port: 7000 };

  it.each([
    ["MOVED 3999 127.0.0.1:6381", { host: "127.0.0.1", port: 6381 }],
    ["MOVED 3999 node.example:6381", { host: "node.example", port: 6381 }],
    ["MOVED 3999 2001:db8::1:6381", { host: "2001:db8::1", port: 6381 }],
    ["MOVED 3999 :6381", { host: "10.0.0.1", port: 6381 }],
    ["MOVED 3999 ?:6381", { host: "10.0.0.1", port: 6381 }],
  ])("reads %j", (text, address) => {
    expect(redirectionOf(new ErrorAnswer(text), from)).toEqual(address);
  });

  it.each(["ASK 3999 127.0.0.1:6381", "MOVED 3999", "ERR MOVED 1 a:1"])("takes %j for none", (text) => {
    expect(redirectionOf(new ErrorAnswer(text), from)).toBeUndefined();
  });

  it("takes only the word of a server", () => {
    expect(redirectionOf(new Error("MOVED 3999 127.0.0.1:6381"), from)).toBeUndefined();
  });
});
