/** A listener on a free port with a handler of the test's. */
import { afterEach } from "vitest";
import type { Exchange } from "../../src/http/exchange.ts";
import { type ExchangeEnd, type Listener, type ListenerHandler, listen } from "../../src/http/listener.ts";
import type { Reply } from "../../src/http/reply.ts";

export interface Ended extends ExchangeEnd {
  readonly error: Error | undefined;
}

export interface Served {
  readonly listener: Listener;
  readonly port: number;
  readonly url: string;
  /** How exchanges ended. */
  readonly ended: readonly Ended[];
  readonly exchanges: readonly Exchange[];
}

export const listenerServices = {
  now: () => performance.now(),
  wallClock: () => 1_700_000_000_000,
  newId: () => "id-1",
};

/** A maker of listeners, which are closed after each test of the file. */
export function useListener() {
  let current: Listener | undefined;
  afterEach(() => current?.close(0));

  return async (handle: ListenerHandler["handle"], more: Partial<ListenerHandler> = {}): Promise<Served> => {
    const ended: Ended[] = [];
    const exchanges: Exchange[] = [];
    const handler: ListenerHandler = {
      handle(exchange) {
        exchanges.push(exchange);
        return handle(exchange);
      },
      done: (_exchange, end, error) => void ended.push({ ...end, error }),
      ...more,
    };
    const listener = await listen({ host: "127.0.0.1", port: 0 }, handler, listenerServices);
    current = listener;
    return { listener, port: listener.port, url: `http://127.0.0.1:${listener.port}`, ended, exchanges };
  };
}

export const textReply = (body: Reply["body"], headers: Reply["headers"] = {}, status = 200): Reply => ({
  status,
  headers,
  body,
});

export const getRequest = (path = "/", more = "") => `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;
