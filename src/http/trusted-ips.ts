/** Which clients are proxies of ours, whose `X-Forwarded-*` and `X-Real-IP` headers are believed. */
import { BlockList, isIP, SocketAddress } from "node:net";

/** Says of an address, as node gives it, whether it is one of ours. */
export type Trust = (address: string) => boolean;

/** Undefined where nobody is trusted. Throws an `Error` that names the entry that is no address and no CIDR range. */
export function createTrust(entries: readonly string[]): Trust | undefined {
  if (entries.length === 0) return undefined;
  // One for each kind: in a common one every IPv4 address would be in `::/0` too, by its mapped form.
  const trusted = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const entry of entries) {
    const { address, kind, prefix } = readRange(entry);
    trusted[kind].addSubnet(address, prefix, kind);
  }
  return (address) => {
    const plain = plainAddress(address);
    const kind = kindOf(plain);
    return trusted[kind].check(plain, kind);
  };
}

interface Range {
  readonly address: string;
  readonly prefix: number;
  readonly kind: "ipv4" | "ipv6";
}

function readRange(entry: string): Range {
  const [, given = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const version = isIP(given);
  const address = version === 6 ? plainAddress(shortened(given)) : given;
  const kind = kindOf(address);
  const longest = kind === "ipv4" ? 32 : 128;
  const before = kind === "ipv4" && version === 6 ? mappedBits : 0;
  const prefix = Number(bits ?? longest + before) - before;
  if (version === 0 || prefix < 0 || prefix > longest)
    throw new Error(`"${entry}" is no IP address and no CIDR range, e.g. 10.0.0.0/8 or ::1`);
  return { address, kind, prefix };
}

/** An IPv6 address in the one spelling that sockets have too, without its zone. */
function shortened(address: string): string {
  return new SocketAddress({ address, family: "ipv6" }).address;
}

function kindOf(address: string): "ipv4" | "ipv6" {
  return address.includes(":") ? "ipv6" : "ipv4";
}

/** What stands before an IPv4 address in an IPv6 one. */
const mappedBits = 96;

/** An IPv4 address that arrived on an IPv6 socket (RFC 4291, section 2.5.5.2), as IPv4; others as they are. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What a proxy of ours says of the client before it; undefined where it says nothing that can be used. */
export function toldScheme(headers: Headers): "http" | "https" | undefined {
  const told = headers["x-forwarded-proto"]?.toString().toLowerCase();
  return told === "http" || told === "https" ? told : undefined;
}

/** The same of that client's address. */
export function toldIp(headers: Headers): string | undefined {
  const told = headers["x-real-ip"];
  return typeof told === "string" && isIP(told) !== 0 ? plainAddress(told) : undefined;
}
