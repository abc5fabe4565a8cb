/** What the primary and its workers say to each other, as structured clones over node's IPC channel. */
import type { Answer } from "../../admin/explain.ts";
import type { Question } from "../../admin/question.ts";
import type { PluginHealth, PluginTarget, UpstreamTargetStatus } from "../../gateway.ts";
import type { Traffic } from "../../http/listener.ts";
import type { ServedCertificate } from "../../http/server-certificates.ts";
import type { LedgerOptions } from "../../ledger/options.ts";
import type { Report } from "../../shared-state/state-channel.ts";
import type { LogLevel } from "../../telemetry/logger.ts";
import type { MetricSnapshot } from "../../telemetry/metric-snapshot.ts";
import type { TargetMark, UpstreamState } from "../../upstreams/upstream-health.ts";
import type { ConfigSource } from "../config-file.ts";
import type { Address } from "../settings.ts";

/** Which way a client has come in. */
export type Entrance = "plain" | "secure";

export interface WorkerSettings {
  /** From 1; a worker that takes another's place takes its number. */
  readonly number: number;
  /** Where clients connect, as told on the command line. */
  readonly listen: Address;
  /** The same for those that speak TLS. */
  readonly listenSecure: Address | undefined;
  readonly trustedIps: readonly string[];
  readonly logLevel: LogLevel;
  readonly pretty: boolean;
  /** May hold a password: it goes through the channel and nowhere else. */
  readonly ledger: LedgerOptions;
  /** Folder for the process's own files. */
  readonly prefix: string;
}

/** What all workers are to serve. It may hold keys. */
export interface WorkerConfig {
  readonly source: ConfigSource;
  /** That of `--ssl-cert`: read once for all, so that none shows another, or cannot start, whatever becomes of the files. */
  readonly fallback: ServedCertificate | undefined;
}

/** How a worker is doing. */
export interface WorkerFacts {
  /** Exchanges under way. */
  readonly running: number;
  readonly traffic: Traffic;
  readonly routes: number;
  readonly plugins: readonly { readonly name: string; readonly id: string }[];
  readonly components: readonly PluginHealth[];
  readonly targets: readonly PluginTarget[];
  /** Those of upstreams. */
  readonly upstreamTargets: readonly UpstreamTargetStatus[];
  /** Bytes (resident set). */
  readonly memory: number;
}

/** Which upstreams and targets are well. */
export interface UpstreamFacts {
  readonly states: readonly UpstreamState[];
  /** The metrics are to tell it. */
  readonly isShown: boolean;
}

/** What a worker is told to do, and answers once it has done it. */
export type Order =
  /** The first: build everything and serve what connections come. */
  | { readonly kind: "start"; readonly settings: WorkerSettings; readonly config: WorkerConfig }
  /** Get a config ready beside the running one; `commit` or `discard` follows. */
  | { readonly kind: "prepare"; readonly config: WorkerConfig }
  | { readonly kind: "commit" }
  | { readonly kind: "discard" }
  | { readonly kind: "facts" }
  | { readonly kind: "upstreams" }
  | { readonly kind: "metrics" }
  /** Decide where a request would go. */
  | { readonly kind: "explain"; readonly question: Question }
  /** Take a target of an upstream out by hand, or let it in; false: it does not run here. */
  | { readonly kind: "mark"; readonly mark: TargetMark }
  /** The last: let exchanges end within the deadline, then go. */
  | { readonly kind: "stop"; readonly deadlineMs: number };

export interface Answers {
  readonly start: undefined;
  readonly prepare: undefined;
  readonly commit: undefined;
  readonly discard: undefined;
  readonly facts: WorkerFacts;
  readonly upstreams: UpstreamFacts;
  readonly metrics: MetricSnapshot;
  readonly explain: Answer;
  readonly mark: boolean;
  readonly stop: undefined;
}

/** What a worker tells of an owner's targets, by its own clock. */
export interface StateReport {
  readonly owner: string;
  readonly report: Report;
  /** Monotonic milliseconds of the teller, when it told. */
  readonly clock: number;
}

/** What the primary passes on of it. */
export type StateNews =
  | ({ readonly kind: "report"; readonly ageMs: number } & StateReport)
  | { readonly kind: "gone"; readonly owner: string; readonly peer: string };

export type ToWorker =
  | { readonly kind: "order"; readonly id: number; readonly order: Order }
  | { readonly kind: "state"; readonly news: StateNews }
  /** With a socket, unless its client has left. */
  | { readonly kind: "connection"; readonly entrance: Entrance };

export type ToPrimary =
  | { readonly kind: "done"; readonly id: number; readonly value: Answers[Order["kind"]] }
  | { readonly kind: "failed"; readonly id: number; readonly reason: string }
  | { readonly kind: "state"; readonly told: StateReport }
  /** The connection has arrived; the next may come. */
  | { readonly kind: "taken" }
  /** What has been counted so far; told now and then, for the case that the worker dies. */
  | { readonly kind: "counted"; readonly metrics: MetricSnapshot };
