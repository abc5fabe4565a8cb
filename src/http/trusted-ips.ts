/** Which clients are proxies of ours, whose `X-Forwarded-*` and `X-Real-IP` headers are believed. */
import { BlockList, isIP } from "node:net";

/** Says of an address, as node gives it, whether it is one of ours. */
export type Trust = (address: string) => boolean;

/** Undefined where nobody is trusted. Throws an `Error` that names the entry that is no address and no CIDR range. */
export function createTrust(entries: readonly string[]): Trust | undefined {
  if (entries.length === 0) return undefined;
  const trusted = new BlockList();
  for (const entry of entries) add(entry, trusted);
  return (address) => {
    const plain = unmapped(address);
    return trusted.check(plain, plain.includes(":") ? "ipv6" : "ipv4");
  };
}

function add(entry: string, trusted: BlockList): void {
  const [, address = "", prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  if (version === 0 || Number(prefix ?? 0) > bits)
    throw new Error(`"${entry}" is no IP address and no CIDR range, e.g. 10.0.0.0/8 or ::1`);
  trusted.addSubnet(address, Number(prefix ?? bits), version === 4 ? "ipv4" : "ipv6");
}

/** An IPv4 address that arrived on an IPv6 socket (RFC 4291, section 2.5.5.2), as IPv4; others as they are. */
function unmapped(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What a proxy of ours says of the client before it; undefined where it says nothing that can be used. */
export function toldScheme(headers: Headers): "http" | "https" | undefined {
  const told = headers["x-forwarded-proto"];
  return told === "http" || told === "https" ? told : undefined;
}

/** The same of that client's address. */
export function toldIp(headers: Headers): string | undefined {
  const told = headers["x-real-ip"];
  return typeof told === "string" && isIP(told) !== 0 ? told : undefined;
}
