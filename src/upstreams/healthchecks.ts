/** A block `healthchecks`: when a target is taken out, and what brings it back. */
import { z } from "zod";
import { hopByHopHeaders } from "../http/headers.ts";
import { planned } from "../util/field-notes.ts";
import type { OptionFault } from "../util/option-rules.ts";

/** What a connection takes (RFC 9110, section 5.5). */
const headerValue = z
  .string()
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, "must not have control characters, or any beyond Latin-1, in it");

const kinds = ["tcp", "http", "https", "grpc", "grpcs"] as const;
const seconds = (description: string) => z.number().min(0).max(65535).describe(description);
const count = (description: string) => z.int().min(0).max(255).default(0).describe(description);
const statuses = (description: string, byDefault: readonly number[]) =>
  z
    .array(z.int().min(100).max(999))
    .default([...byDefault])
    .describe(description);

const failures = {
  http_failures: count("Bad statuses in a row that take a target out; 0: they do not."),
  tcp_failures: count("Failed connections in a row that take a target out; 0: they do not."),
  timeouts: count("Timeouts in a row that take a target out; 0: they do not."),
};

const active = z.strictObject({
  type: z.enum(kinds).default("http").describe("How a target is asked: with a connection, or a request."),
  http_path: z
    .string()
    .regex(/^\/[!-~]*$/, "must begin with / and have no spaces")
    .default("/")
    .describe("What is asked for, with GET."),
  headers: z
    .record(z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, "must be the name of a header"), z.array(headerValue))
    .describe("Headers of the request.")
    .optional(),
  timeout: seconds("Longest wait for a connection, and again for the answer's head, in seconds.").default(1),
  concurrency: z
    .int()
    .min(1)
    .max(2147483648)
    .default(10)
    .describe("Targets asked at the same time. Here each has its own timer.")
    .meta(planned),
  https_sni: z
    .string()
    .min(1)
    .describe("Server name in TLS, also expected in the certificate; else the target's host.")
    .optional(),
  https_verify_certificate: z.boolean().default(true).describe("Check the target's certificate."),
  healthy: z
    .strictObject({
      interval: seconds("Wait between checks of a target that is in use; 0: none.").default(0),
      successes: count("Good answers in a row that bring a target back; 0: they do not."),
      http_statuses: statuses("Statuses of a good answer.", [200, 302]),
    })
    .prefault({})
    .describe("Targets in use, and good answers."),
  unhealthy: z
    .strictObject({
      interval: seconds("Wait between checks of a target that is out; 0: none.").default(0),
      ...failures,
      http_statuses: statuses(
        "Statuses of a bad answer; one in neither list tells nothing.",
        [429, 404, 500, 501, 502, 503, 504, 505],
      ),
    })
    .prefault({})
    .describe("Targets that are out, and bad answers."),
});

const passive = z.strictObject({
  type: z.enum(kinds).default("http").describe("What is looked at; `tcp`: connections alone, no statuses."),
  healthy: z
    .strictObject({
      successes: count(
        "Good answers in a row that a target that is tried again must give; 0 is as 1. One good answer makes the failures before it forgotten.",
      ),
      http_statuses: statuses(
        "Statuses of a good answer.",
        [200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308],
      ),
    })
    .prefault({})
    .describe("Good answers."),
  unhealthy: z
    .strictObject({
      ...failures,
      http_statuses: statuses(
        "Statuses of a bad answer; one in neither list tells nothing.",
        [429, 500, 503],
      ),
    })
    .prefault({})
    .describe("Bad answers."),
});

/** The block, all of it off by default. */
export const healthchecksBlock = z.strictObject({
  threshold: z
    .number()
    .min(0)
    .max(100)
    .default(0)
    .describe("Least share of the weight that must be in use, in percent; below it no target is used."),
  active: active.prefault({}).describe("Checks at intervals, without any client."),
  passive: passive.prefault({}).describe("Looking at the answers that clients get."),
});

export type Healthchecks = z.output<typeof healthchecksBlock>;
export type ActiveChecks = Healthchecks["active"];
export type PassiveChecks = Healthchecks["passive"];

/** Targets are asked while they are in use, or while they are out. */
export function isActive({ healthy, unhealthy }: ActiveChecks): boolean {
  return healthy.interval > 0 || unhealthy.interval > 0;
}

/** Active checks may bring a target back that was taken out. */
export function canRecover({ healthy, unhealthy }: ActiveChecks): boolean {
  return unhealthy.interval > 0 && healthy.successes > 0;
}

/** Some number of failures in a row takes a target out. */
export function countsFailures({
  http_failures,
  tcp_failures,
  timeouts,
}: Readonly<Record<keyof typeof failures, number>>): boolean {
  return http_failures > 0 || tcp_failures > 0 || timeouts > 0;
}

/** Some check is on that takes targets out, or brings them back. */
export function isChecked({ active, passive }: Healthchecks): boolean {
  return isActive(active) || countsFailures(passive.unhealthy);
}

/** A header that whoever makes the connection sets, and nobody else can. */
export function isOfConnection(name: string): boolean {
  const lower = name.toLowerCase();
  return hopByHopHeaders.has(lower) || lower === "content-length" || lower === "expect";
}

/** Something wrong with an upstream's settings, or probably not meant. */
export interface UpstreamFault extends OptionFault {
  readonly severity: "error" | "warning";
}

/** What could not do what it says. */
export function checkHealthchecks({ active, passive }: Healthchecks): readonly UpstreamFault[] {
  const faults: UpstreamFault[] = [];
  const isGrpc = (type: string) => type === "grpc" || type === "grpcs";
  if (isActive(active) && isGrpc(active.type)) {
    const message = `${active.type} is not supported by this version (supported: tcp, http, https): a check would say nothing`;
    faults.push({ severity: "error", path: ["active", "type"], message });
  }
  if (isActive(active) && active.timeout === 0) {
    const message = "must be above 0, or no target could ever answer in time";
    faults.push({ severity: "error", path: ["active", "timeout"], message });
  }
  if (countsFailures(passive.unhealthy) && isGrpc(passive.type)) {
    const message = `${passive.type} is not supported by this version (supported: tcp, http, https)`;
    faults.push({ severity: "error", path: ["passive", "type"], message });
  }
  if (isActive(active) && active.type !== "tcp") {
    for (const name of Object.keys(active.headers ?? {}).filter(isOfConnection)) {
      const message = "is about the connection, which Sluice keeps by itself: it is not sent";
      faults.push({ severity: "warning", path: ["active", "headers", name], message });
    }
  }
  const takesOut = active.healthy.interval > 0 && countsFailures(active.unhealthy);
  if (takesOut && !canRecover(active)) {
    const message =
      "takes targets out that nothing brings back: set active.unhealthy.interval and active.healthy.successes above 0";
    faults.push({ severity: "warning", path: ["active"], message });
  }
  return faults;
}
