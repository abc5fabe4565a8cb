/** What a command asks the admin API of a running gateway, with the token of the settings. */
import { request } from "undici";
import { type RunFile, unreachable } from "./run-file.ts";
import type { ProcessSettings } from "./settings.ts";

export interface AdminQuestion {
  /** What `readRunFile` found. */
  readonly running: RunFile;
  readonly settings: Pick<ProcessSettings, "adminToken" | "prefix">;
  /** E.g. `/reload`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly deadlineMs: number;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Posts it. Rejects where nobody answers, and where the token is missing or another, saying how it is set. */
export async function askAdmin({
  body,
  deadlineMs,
  path,
  running,
  settings: { adminToken, prefix },
}: AdminQuestion): Promise<AdminAnswer> {
  const answer = await request(`${running.admin}${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(adminToken !== undefined && { "kong-admin-token": adminToken }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    headersTimeout: deadlineMs,
    bodyTimeout: deadlineMs,
  }).catch((cause: unknown) => {
    throw unreachable(running, prefix, cause);
  });
  if (answer.statusCode === 401) {
    await answer.body.dump();
    const fault = adminToken === undefined ? "wants a token" : "has another token than was given here";
    throw new Error(
      `the admin API of process ${running.pid} ${fault}: set SLUICE_ADMIN_TOKEN to what the gateway was started with`,
    );
  }
  return { status: answer.statusCode, body: await answer.body.json() };
}
