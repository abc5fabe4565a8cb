/** TLS towards the server: whom we trust, and which certificate we show. */

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type ConnectionOptions, createSecureContext } from "node:tls";
import type { Owner, Settings, TlsSettings } from "./settings.ts";

/** The files are read anew for each connection, so that a renewed certificate is shown without a restart. */
export async function tlsOptions(tls: TlsSettings, owner: Owner): Promise<ConnectionOptions> {
  return { ...trust(tls), ...(tls.client === undefined ? {} : await readClient(tls.client, owner)) };
}

/**
 * Reads the client's certificate and its key once, so that a wrong path is found when the config is loaded.
 * Throws an `Error` that names the setting and the path, never what is in the file.
 */
export function checkClientFiles({ tls, owner }: Settings): void {
  if (tls?.client === undefined) return;
  const read = (setting: string, path: string) => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw unusable({ owner, setting, path }, "cannot be read", error);
    }
  };
  const cert = read("ssl_cert", tls.client.certificate);
  const key = read("ssl_cert_key", tls.client.key);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const file = { owner, setting: "ssl_cert", path: tls.client.certificate };
    throw unusable(file, "and ssl_cert_key do not work together", error);
  }
}

function trust(tls: TlsSettings): ConnectionOptions {
  return { rejectUnauthorized: tls.isVerified, minVersion: tls.minVersion };
}

async function readClient(
  client: NonNullable<TlsSettings["client"]>,
  owner: Owner,
): Promise<ConnectionOptions> {
  const read = async (setting: string, path: string) => {
    try {
      return await readFile(path);
    } catch (error) {
      throw unusable({ owner, setting, path }, "cannot be read", error);
    }
  };
  const cert = await read("ssl_cert", client.certificate);
  return { cert, key: await read("ssl_cert_key", client.key) };
}

/** The file of a client certificate that does not serve. */
export class ClientFileError extends Error {}

interface ClientFile {
  readonly owner: Owner;
  readonly setting: string;
  readonly path: string;
}

function unusable({ owner, setting, path }: ClientFile, what: string, cause: unknown): ClientFileError {
  const reason = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
  return new ClientFileError(`${owner.block}.${setting} "${path}" ${what}${reason}`, { cause });
}
