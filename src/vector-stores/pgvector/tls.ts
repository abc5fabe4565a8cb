/** TLS towards the server: whom we trust, and which certificate we show. */

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type ConnectionOptions, createSecureContext } from "node:tls";
import type { TlsSettings } from "./settings.ts";

/** The files are read anew for each connection, so that a renewed certificate is shown without a restart. */
export async function tlsOptions(tls: TlsSettings): Promise<ConnectionOptions> {
  return { ...trust(tls), ...(tls.client === undefined ? {} : await readClient(tls.client)) };
}

/**
 * Reads the client's certificate and its key once, so that a wrong path is found when the config is loaded.
 * Throws an `Error` that names the setting and the path, never what is in the file.
 */
export function checkClientFiles(tls: TlsSettings | undefined): void {
  if (tls?.client === undefined) return;
  const cert = reading("ssl_cert", tls.client.certificate, readFileSync);
  const key = reading("ssl_cert_key", tls.client.key, readFileSync);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw unusable("ssl_cert", tls.client.certificate, `and ssl_cert_key do not work together`, error);
  }
}

function trust(tls: TlsSettings): ConnectionOptions {
  return { rejectUnauthorized: tls.isVerified, minVersion: tls.minVersion };
}

async function readClient(client: NonNullable<TlsSettings["client"]>): Promise<ConnectionOptions> {
  const read = async (setting: string, path: string) => {
    try {
      return await readFile(path);
    } catch (error) {
      throw unusable(setting, path, "cannot be read", error);
    }
  };
  const cert = await read("ssl_cert", client.certificate);
  return { cert, key: await read("ssl_cert_key", client.key) };
}

function reading(setting: string, path: string, read: (path: string) => Buffer): Buffer {
  try {
    return read(path);
  } catch (error) {
    throw unusable(setting, path, "cannot be read", error);
  }
}

/** The file of a client certificate that does not serve. */
export class ClientFileError extends Error {}

function unusable(setting: string, path: string, what: string, cause: unknown): ClientFileError {
  const reason = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
  return new ClientFileError(`vectordb.pgvector.${setting} "${path}" ${what}${reason}`, { cause });
}
