/** Asks a target once whether it is well: with a request, or with a connection alone. */
import { connect } from "node:net";
import type { UpstreamBody } from "../http/upstream-body.ts";
import type { UpstreamCall, UpstreamClient } from "../http/upstream-client.ts";
import { UpstreamError } from "../http/upstream-error.ts";
import { type ClientCertificate, createUpstreamTls } from "../http/upstream-tls.ts";
import type { Schedule } from "../util/schedule.ts";
import { formatAddress, type TargetAddress } from "./address.ts";
import { type ActiveChecks, isOfConnection } from "./healthchecks.ts";
import { type Sign, signOfStatus } from "./outcome.ts";

export interface ProbeServices {
  readonly schedule: Schedule;
  readonly upstream: UpstreamClient;
}

export interface ProbedTarget {
  readonly address: TargetAddress;
  /** Undefined: the target's own. */
  readonly hostHeader: string | undefined;
  readonly clientCertificate: ClientCertificate | undefined;
}

/** A question to be asked again and again. Its answer never rejects. */
export function createProbe(
  target: ProbedTarget,
  checks: ActiveChecks,
  services: ProbeServices,
): (signal: AbortSignal) => Promise<Sign> {
  const timeoutMs = checks.timeout * 1000;
  if (checks.type === "tcp")
    return (signal) => tryConnection(target.address, timeoutMs, signal, services.schedule);
  const call = createCall(target, checks, timeoutMs);
  return async (signal) => {
    try {
      const { body, status } = await services.upstream.send(call, signal);
      drain(body, timeoutMs, services.schedule);
      return signOfStatus(status, checks);
    } catch (error) {
      if (signal.aborted) return undefined;
      return error instanceof UpstreamError && error.kind === "timeout" ? "timeout" : "tcp";
    }
  };
}

function createCall(
  { address, clientCertificate, hostHeader }: ProbedTarget,
  checks: ActiveChecks,
  timeoutMs: number,
): UpstreamCall {
  const headers: Record<string, string | string[]> = { host: hostHeader ?? formatAddress(address) };
  for (const [given, values] of Object.entries(checks.headers ?? {})) {
    const name = given.toLowerCase();
    const [first] = values;
    if (first === undefined || isOfConnection(name)) continue;
    headers[name] = name === "host" ? first : [...values];
  }
  return {
    origin: `${checks.type}://${formatAddress(address)}`,
    path: checks.http_path,
    method: "GET",
    headers,
    body: null,
    connectTimeoutMs: timeoutMs,
    writeTimeoutMs: timeoutMs,
    readTimeoutMs: timeoutMs,
    tls:
      checks.type === "https"
        ? createUpstreamTls({
            verify: checks.https_verify_certificate,
            serverName: checks.https_sni,
            clientCertificate,
          })
        : undefined,
  };
}

/** Answers of checks are short; one that is not, or takes its time, costs its connection. A choice. */
const mostBytes = 64 * 1024;

/** Reads an answer that nobody needs, so that its connection can be used again. */
function drain(body: UpstreamBody, timeoutMs: number, schedule: Schedule): void {
  let bytes = 0;
  const giveUp = () => {
    cancelTimer();
    body.cancel(new Error("only the status was of interest"));
  };
  const cancelTimer = schedule(timeoutMs, giveUp);
  body.start({
    write(chunk) {
      bytes += chunk.length;
      if (bytes > mostBytes) giveUp();
      return true;
    },
    end: cancelTimer,
    fail: cancelTimer, // the status has said what there is to say
  });
}

function tryConnection(
  { host, port }: TargetAddress,
  timeoutMs: number,
  signal: AbortSignal,
  schedule: Schedule,
): Promise<Sign> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (sign: Sign) => {
      cancelTimer();
      signal.removeEventListener("abort", leave);
      socket.destroy();
      resolve(sign);
    };
    const leave = () => settle(undefined);
    const cancelTimer = schedule(timeoutMs, () => settle("timeout"));
    socket.once("connect", () => settle("good"));
    socket.on("error", () => settle("tcp"));
    signal.addEventListener("abort", leave);
  });
}
