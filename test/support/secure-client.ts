/** Clients that speak TLS, and the certificates of the fixtures. */
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";

export function pem(name: string): string {
  return readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), "utf8");
}

/** The certificate and key of this name in the fixtures: `server` (CN localhost), `client` (postgres) or `rsa` (rsa.test). */
export function pairOf(name: "server" | "client" | "rsa"): { readonly cert: string; readonly key: string } {
  return { cert: pem(`${name}.crt`), key: pem(`${name}.key`) };
}

/** Completes a handshake; the certificate that was shown is in it. Rejects with what the server said. `servername` "": none. */
export async function openSecure(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    host: "127.0.0.1",
    port,
    rejectUnauthorized: false,
    servername: "localhost",
    ...options,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => undefined); // a close follows
  return socket;
}

/** The common name in the certificate that a client is shown that asks for this name, or the error it gets. */
export async function shownTo(
  port: number,
  servername: string,
  options: ConnectionOptions = {},
): Promise<string> {
  try {
    const socket = await openSecure(port, { servername, ...options });
    const { subject } = socket.getPeerCertificate();
    await closed(socket);
    return String(subject.CN);
  } catch (error) {
    return String((error as { code?: string; message: string }).message);
  }
}

/** Ends a connection in good order, so that the server has seen the handshake's end too. */
async function closed(socket: TLSSocket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
    socket.resume().end();
  });
}

export interface SecureAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface SecureCall {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Asked for when TLS begins. Default: localhost. */
  readonly servername?: string;
}

/** One request over a connection of its own. */
export function askSecure(port: number, call: SecureCall = {}): Promise<SecureAnswer> {
  const { body, headers = {}, method = "GET", path = "/", servername = "localhost" } = call;
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: "127.0.0.1", port, path, method, headers, servername, rejectUnauthorized: false, agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => {
          text += part;
        });
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
      },
    );
    asking.on("error", reject);
    asking.end(body);
  });
}
