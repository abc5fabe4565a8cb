/** What a gateway process shows besides its proxy: status and admin listeners, run file, ready line. */
import { type AdminSource, createAdminApi } from "../admin/admin.ts";
import { pageFor, serve } from "../admin/pages.ts";
import { metricsPages, type StatusSource, statusPages } from "../admin/status.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Listener, ListenerServices } from "../http/listener.ts";
import type { Reply } from "../http/reply.ts";
import type { Logger } from "../telemetry/logger.ts";
import { systemSchedule } from "../util/schedule.ts";
import { writeRunFile } from "./run-file.ts";
import type { Address, ProcessSettings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

export interface FrontOptions {
  readonly settings: ProcessSettings;
  readonly services: ListenerServices;
  readonly status: StatusSource;
  readonly admin: AdminSource;
  readonly terminal: Terminal;
  readonly log: Logger;
}

interface Place {
  readonly address: string;
  readonly port: number;
}

/** Where clients connect. */
export interface ProxyPlaces extends Place {
  readonly secure?: Place | undefined;
}

export interface Front {
  /** Tells `sluice reload` and the output that the gateway is ready; to be called once signals are heard. */
  announce(proxy: ProxyPlaces, facts?: Readonly<Record<string, number>>): void;
  close(): Promise<void>;
}

/** Opens the listeners that the settings ask for. Rejects, with none of them open, when one cannot be had. */
export async function openFront(options: FrontOptions): Promise<Front> {
  const { settings, services, terminal, log } = options;
  const listeners: Listener[] = [];
  const closeAll = () => Promise.all(listeners.map((listener) => listener.close(0)));
  const open = async (
    where: Address | undefined,
    handle: (exchange: Exchange) => Promise<Reply>,
  ): Promise<Listener | undefined> => {
    if (where === undefined) return undefined;
    const listener = await serve(where, handle, services);
    listeners.push(listener);
    return listener;
  };
  let status: Listener | undefined;
  let admin: Listener | undefined;
  try {
    const shown = statusPages(options.status);
    status = await open(settings.statusListen, async (exchange) => pageFor(exchange, shown));
    const handle = createAdminApi(options.admin, systemSchedule, metricsPages(options.status));
    admin = await open(settings.adminListen, handle);
  } catch (error) {
    // What listens would keep a process alive that cannot serve.
    await closeAll();
    throw error;
  }
  let forget: () => void = () => undefined;
  return {
    announce(proxy, facts = {}) {
      const adminUrl = admin === undefined ? undefined : urlOf(admin);
      const content = { pid: process.pid, ...(adminUrl !== undefined && { admin: adminUrl }) };
      forget = writeRunFile(settings.prefix, content, log);
      const line = {
        proxy: urlOf(proxy),
        ...(proxy.secure !== undefined && { proxy_ssl: urlOf(proxy.secure, "https") }),
        ...(adminUrl !== undefined && { admin: adminUrl }),
        ...(status !== undefined && { status: urlOf(status) }),
        ...facts,
      };
      terminal.out(
        settings.pretty ? prettyReady(line) : `${JSON.stringify({ message: "ready", ...line })}\n`,
      );
    },
    async close() {
      await closeAll();
      forget();
    },
  };
}

function prettyReady(line: Readonly<Record<string, string | number>>): string {
  const parts = Object.entries(line).map(([name, value]) => `${name} ${value}`);
  return `ready  ${parts.join("  ")}\n`;
}

function urlOf({ address, port }: Place, scheme = "http"): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `${scheme}://${host}:${port}`;
}
