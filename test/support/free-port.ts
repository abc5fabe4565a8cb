/** Ports of 127.0.0.1 for what a test starts, and for what is to be away. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Nobody listens on it: tcpmux (RFC 1078), which died out, below what a process without rights may take. */
export const refusingPort = 1;

const lanes = 15;
const first = 15_000;
const portsEach = 1_000;

/** One for each test worker, so that no other takes a port between the look and the use. */
const lane = Number(process.env["VITEST_POOL_ID"] ?? randomInt(lanes)) % lanes;
let next = randomInt(portsEach);

/**
 * A port of 127.0.0.1 that nobody listens on, and that this process is not given again soon; below those that Linux gives
 * to outgoing connections and to servers that ask for any: a server that is restarted on it later finds it free.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < portsEach; attempt++) {
    const port = first + lane * portsEach + (next++ % portsEach);
    if (await isFree(port)) return port;
  }
  throw new Error(`found no free port of ${portsEach} from ${first + lane * portsEach} on 127.0.0.1`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
