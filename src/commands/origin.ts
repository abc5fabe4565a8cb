/** Where a running gateway's configuration comes from: a file, or a store that the admin API changes. */
import { randomUUID } from "node:crypto";
import type { ReloadResult } from "../admin/reload.ts";
import type { ConfigStore } from "../config-store/config-store.ts";
import { createConfigStore } from "../config-store/index.ts";
import type { Checked } from "../control/check.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import { createFileControl, UntakeableError } from "../control/file-control.ts";
import type { Covers } from "../control/secrets.ts";
import type { MarkHere, SharedMarks } from "../control/shared-marks.ts";
import { createStoredControl } from "../control/stored-control.ts";
import { plugins } from "../plugins/index.ts";
import type { Logger } from "../telemetry/logger.ts";
import { systemSchedule } from "../util/schedule.ts";
import { type ConfigFile, loadSource, readConfigFile } from "./config-file.ts";
import { ConfigFileError } from "./config-file-error.ts";
import { watchFile } from "./file-watch.ts";
import { reloadWith, reportProblems } from "./gateway-process.ts";
import type { ProcessSettings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

/** Has the gateway take a config; `beforeCommit` runs when it is ready to. */
export type Take = (file: ConfigFile, beforeCommit?: () => Promise<void>) => Promise<void>;

export interface Origin extends Pick<SharedMarks, "mark"> {
  /** What to start with. */
  readonly first: ConfigFile;
  readonly control: ControlPlane;
  /** False until there has been something to serve. */
  readonly hasServed: boolean;
  /** Reads everything again. A bad one changes nothing; the result says why. */
  reload(): Promise<ReloadResult>;
  /** Takes changes made elsewhere from now on. */
  watch(): void;
  close(): Promise<void>;
}

/** What of the configuration is amiss while requests are served: for `/status/ready`. */
export function degradedOrigin({ control: { fault, outage, place } }: Pick<Origin, "control">) {
  return [
    { component: "configuration", reason: fault },
    { component: "config_store", reason: outage },
  ]
    .filter(({ reason }) => reason !== undefined)
    .map((part) => ({ ...part, name: place, state: "down" }));
}

export interface OriginServices {
  readonly env: Terminal["env"];
  readonly log: Logger;
  readonly take: Take;
  readonly markHere: MarkHere;
}

export interface OriginOptions {
  /** The config file. */
  readonly path: string | undefined;
  /** Nothing but memory holds what is configured, where there is no file. */
  readonly isDbLess: boolean;
  readonly isWatched: boolean;
  readonly settings: Pick<ProcessSettings, "database" | "prefix">;
  readonly covers: Covers;
  /** This gateway: no two that ever lived share it. */
  readonly nodeId: string;
}

/** Rejects with `ConfigFileError`, and with `StoreError` where the store cannot be read. */
export async function openOrigin(options: OriginOptions, services: OriginServices): Promise<Origin> {
  const { isDbLess, isWatched, path, settings } = options;
  if (path !== undefined) return openFile(path, services, { isWatched });
  if (isDbLess) return openMemory(services);
  const store = createConfigStore(settings.database, {
    prefix: settings.prefix,
    schedule: systemSchedule,
    newToken: randomUUID,
  });
  try {
    return await openStore(store, options, services);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The file is where everything is changed. Throws `ConfigFileError`. */
function openFile(path: string, services: OriginServices, options: { readonly isWatched: boolean }): Origin {
  const read = () => readConfigFile(path, services.env);
  return fileOrigin(path, read(), read, services, options);
}

/** No file: nothing is served until a config is posted, and nothing of it is kept. */
function openMemory(services: OriginServices): Origin {
  const first = emptyFile("(no file)", services.env);
  const nothing = () => {
    throw new ConfigFileError("there is no file to read again: what was posted to /config goes on running");
  };
  return fileOrigin(first.path, first, nothing, services, { isWatched: false });
}

function fileOrigin(
  path: string,
  first: ConfigFile,
  read: () => ConfigFile,
  { env, log, markHere, take }: OriginServices,
  { isWatched }: { readonly isWatched: boolean },
): Origin {
  let hasServed = first.config.routes.length > 0 || "text" in first.source;
  let stopWatching: () => void = () => undefined;
  const control = createFileControl({
    path,
    plugins,
    wallClock: () => Date.now(),
    take: async (asker, text) => {
      const file = loadPosted(text, env);
      await takeAndShow(file);
      reportProblems(file, log);
      log.info("configuration changed", { ...asker, routes: file.config.routes.length });
    },
  });
  control.show(shownOf(first));

  async function takeAndShow(file: ConfigFile): Promise<void> {
    await take(file);
    control.show(shownOf(file));
    hasServed = true;
  }

  const reload = () => reloadWith(path, log, read, takeAndShow);
  return {
    first,
    control,
    get hasServed() {
      return hasServed;
    },
    reload,
    mark: (mark, actor) => markHere(mark, { actor }), // nobody else has the file
    watch() {
      if (isWatched) stopWatching = watchFile(path, systemSchedule, () => void reload());
    },
    async close() {
      stopWatching();
    },
  };
}

function shownOf({ entities, source }: ConfigFile) {
  return { entities, text: "text" in source ? source.text : undefined };
}

function emptyFile(path: string, env: Terminal["env"]): ConfigFile {
  return loadSource({ path, content: { _format_version: "3.0" } }, env);
}

function loadPosted(text: string, env: Terminal["env"]): ConfigFile {
  try {
    return loadSource({ path: "(posted)", text }, env);
  } catch (error) {
    throw error instanceof ConfigFileError ? new UntakeableError(error.problems) : error;
  }
}

/** Entities lie in the store. Rejects when it cannot be read. */
async function openStore(
  store: ConfigStore,
  { covers, nodeId: gateway }: Pick<OriginOptions, "covers" | "nodeId">,
  { env, log, markHere, take }: OriginServices,
): Promise<Origin> {
  const path = store.place;
  const toFile = ({ config, content, problems }: Checked): ConfigFile => ({
    path,
    source: { path, content },
    config,
    problems,
    entities: () => [], // the control plane has them
  });
  let hasServed = false;
  const control = createStoredControl({
    store,
    gateway,
    markHere,
    covers,
    log,
    env,
    plugins,
    wallClock: () => Date.now(),
    schedule: systemSchedule,
    apply: async (checked, beforeCommit) => {
      await take(toFile(checked), beforeCommit);
      hasServed = true;
    },
  });
  const opened = await control.open();
  const first = opened === undefined ? emptyFile(path, env) : toFile(opened);
  hasServed = opened !== undefined;
  if (control.fault !== undefined)
    log.error("what is configured cannot be served; nothing is, until it has been mended by the admin API", {
      place: path,
      reason: control.fault,
    });
  return {
    first,
    control,
    get hasServed() {
      return hasServed;
    },
    async reload() {
      try {
        await control.refresh();
        const message = `${path}: reloaded`;
        log.info(message);
        return { ok: true, messages: [message] };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        log.error("reload refused, the old configuration goes on running", { reason });
        return { ok: false, messages: [`${path}: ${reason}`, "the old configuration goes on running"] };
      }
    },
    mark: control.mark,
    watch: () => control.watch(),
    close: () => control.close(),
  };
}
