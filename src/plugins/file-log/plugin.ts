import type { Exchange } from "../../http/exchange.ts";
import type { AccessRecord } from "../../telemetry/access-record.ts";
import { Contact } from "../../telemetry/contact.ts";
import { DroppedEntries } from "../../telemetry/dropped-entries.ts";
import { LineFile, whyNotWritable } from "../../telemetry/line-file.ts";
import {
  type ComponentHealth,
  definePlugin,
  type Plugin,
  type PluginServices,
  type ProbeResult,
} from "../plugin.ts";
import { checkFileLog, type FileLogConfig, fileLogConfig } from "./config.ts";

/** Appends the record of every request to a file. */
export const fileLog = definePlugin({
  name: "file-log",
  summary: "Appends an entry for every request to a file, one JSON object a line.",
  config: fileLogConfig,
  check: checkFileLog,
  create: (config, services) => new FileLog(config, services),
});

/** How long closing waits for a disk that does not answer. A choice: most of a stop's default deadline is left. */
const closeDeadlineMs = 5_000;

class FileLog implements Plugin {
  readonly #path: string;
  readonly #isServing: boolean;
  readonly #contact: Contact;
  readonly #dropped: DroppedEntries;
  readonly #file: LineFile;

  constructor({ path, reopen }: FileLogConfig, { log, now, purpose, schedule }: PluginServices) {
    this.#path = path;
    this.#isServing = purpose === "serve";
    this.#contact = new Contact({
      what: "the log file",
      words: { down: "cannot be written", up: "can be written again" },
      meanwhile: "its entries are dropped, requests go on",
      place: path,
      log,
      now,
    });
    this.#dropped = new DroppedEntries({ place: path, log, now });
    this.#file = new LineFile({
      path,
      reopens: reopen,
      contact: this.#contact,
      onDropped: (count) => this.#dropped.add(count),
      now,
      schedule,
    });
  }

  async start(): Promise<void> {
    if (this.#isServing) await this.#file.start();
  }

  log(_exchange: Exchange, record: AccessRecord): void {
    this.#file.append(JSON.stringify(record));
    if (this.#contact.state === "up") this.#dropped.tell();
  }

  describe(): readonly string[] {
    return [`entries are appended to ${this.#path}`];
  }

  health(): readonly ComponentHealth[] {
    const { failures, reason, state } = this.#contact;
    const { total: dropped } = this.#dropped;
    return [
      {
        component: "log_file",
        name: this.#path,
        state,
        reason,
        failures,
        writes: this.#file.written,
        dropped,
      },
    ];
  }

  async probe(): Promise<readonly ProbeResult[]> {
    return [{ component: "log file", name: this.#path, facts: {}, error: await whyNotWritable(this.#path) }];
  }

  async close(): Promise<void> {
    await this.#file.close(closeDeadlineMs);
    this.#dropped.tellAll();
  }
}
