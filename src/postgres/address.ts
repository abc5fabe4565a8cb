/** A server's address in one text, `postgres://USER:PASSWORD@HOST:PORT/DATABASE?FIELD=VALUE&…`, as the block of options it means. */

/** An address that cannot be read. The message says why, and never shows it: it may hold a password. */
export class AddressError extends Error {}

/** `FIELD`s are those of the block. A password that comes on its own wins. Throws an `AddressError`. */
export function postgresBlock(text: string, password: string | undefined): object {
  const url = parseUrl(text);
  if (url === undefined) {
    throw new AddressError(
      "the address of the server cannot be read; write postgres://USER@HOST:PORT/DATABASE, " +
        "with other characters than letters and digits percent-encoded",
    );
  }
  const database = plain(url.pathname.slice(1));
  const secret = password ?? plain(url.password);
  return {
    ...Object.fromEntries([...url.searchParams].map(([name, value]) => [name, fieldValue(value)])),
    ...(url.hostname === "" ? {} : { host: url.hostname.replace(/^\[(.*)\]$/, "$1") }),
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    ...(url.username === "" ? {} : { user: plain(url.username) }),
    ...(secret === "" ? {} : { password: secret }),
    ...(database === "" ? {} : { database }),
  };
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined; // its message would show the password
  }
}

function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AddressError("a % in the address is not followed by two hexadecimal digits");
  }
}

/** `true`, `false` and numbers as what they are; the block's own checks do the rest. */
function fieldValue(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return /^\d+$/.test(text) ? Number(text) : text;
}
