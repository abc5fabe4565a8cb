/** Makes upstreams with their targets, and the TLS of services, out of entities that were all found good. */
import type { z } from "zod";
import { type ClientCertificate, createUpstreamTls, type UpstreamTls } from "../http/upstream-tls.ts";
import { formatAddress, parseAddress } from "../upstreams/address.ts";
import type { UpstreamTarget } from "../upstreams/host-target.ts";
import type { UpstreamDefinition } from "../upstreams/upstream.ts";
import type { Instance } from "./collect.ts";
import type { caCertificate } from "./entities/ca-certificate.ts";
import type { certificate } from "./entities/certificate.ts";
import type { service } from "./entities/service.ts";
import type { target } from "./entities/target.ts";
import type { upstream } from "./entities/upstream.ts";
import type { Good } from "./good.ts";
import type { Directory } from "./names.ts";
import { formatPath } from "./problem.ts";
import type { Report } from "./report.ts";

type ServiceFields = z.output<z.ZodObject<typeof service.shape>>;
type UpstreamFields = z.output<z.ZodObject<typeof upstream.shape>>;
type TargetFields = z.output<z.ZodObject<typeof target.shape>>;
type CertificateFields = z.output<z.ZodObject<typeof certificate.shape>>;
type AuthorityFields = z.output<z.ZodObject<typeof caCertificate.shape>>;

/** What services can be connected to, and with. */
export interface Backends {
  /** The upstream of this name; names of hosts are the same in capitals. */
  upstreamOf(host: string): UpstreamDefinition | undefined;
  /** Of a service that speaks https. */
  tlsOf(
    instance: Instance,
    fields: ServiceFields,
    upstream: UpstreamDefinition | undefined,
  ): UpstreamTls | undefined;
}

/** Looks everything up in the good entities of a file. */
export function collectBackends(good: readonly Good[], directory: Directory): Backends {
  const values = new Map(good.map(({ instance, value }) => [instance, value]));
  const shown = (instance: Instance): ClientCertificate | undefined => {
    const found = directory.target(instance, "client_certificate");
    const fields = found && (values.get(found) as CertificateFields); // made by that shape
    return fields && { cert: fields.cert, key: fields.key };
  };
  const targets = targetsByUpstream(good, directory);
  const upstreams = new Map(
    good.filter(isUpstream).map(({ instance, value }) => {
      const fields = value as UpstreamFields; // made by that shape
      const more = { targets: targets.get(instance) ?? [], clientCertificate: shown(instance) };
      return [fields.name.toLowerCase(), build(directory.id(instance), fields, more)] as const;
    }),
  );
  return {
    upstreamOf: (host) => upstreams.get(host.toLowerCase()),
    tlsOf(instance, { ca_certificates: authorities, tls_verify: verify = true }, used) {
      const trusted = directory
        .targets(instance, "ca_certificates")
        .map((each) => (values.get(each) as AuthorityFields).cert); // made by that shape
      return createUpstreamTls({
        verify,
        authorities: authorities === undefined || authorities.length === 0 ? undefined : trusted,
        clientCertificate: shown(instance) ?? used?.clientCertificate,
      });
    },
  };
}

/** Reports upstreams that are one name for a service, and targets that an upstream has twice. */
export function reportEqualBackends(good: readonly Good[], directory: Directory, report: Report): void {
  reportEqualUpstreams(good, report);
  reportEqualTargets(good, directory, report);
}

/** A host has the same name in capitals. Names that do not differ at all have been reported. */
function reportEqualUpstreams(good: readonly Good[], report: Report): void {
  const seen = new Map<string, Good>();
  for (const each of good.filter(isUpstream)) {
    const { name } = each.value as UpstreamFields; // made by that shape
    const earlier = seen.get(name.toLowerCase());
    if (earlier === undefined) seen.set(name.toLowerCase(), each);
    else if ((earlier.value as UpstreamFields).name !== name) {
      const first = `${formatPath(earlier.instance.path)}, line ${report.lineOf([...earlier.instance.path, "name"])}`;
      const message = `another upstream has the name but for capitals (${first}), which mean nothing in the name of a host`;
      report.add("error", [...each.instance.path, "name"], message);
    }
  }
}

/** Only one of the weights could hold. */
function reportEqualTargets(good: readonly Good[], directory: Directory, report: Report): void {
  const seen = new Map<Instance, Map<string, Instance>>();
  for (const { instance, value } of good.filter(isTarget)) {
    const owner = directory.target(instance, "upstream");
    if (owner === undefined) continue;
    const { host, port } = addressOf(value as TargetFields); // made by that shape
    const known = seen.get(owner) ?? new Map<string, Instance>();
    seen.set(owner, known);
    const address = formatAddress({ host, port });
    const earlier = known.get(address);
    if (earlier === undefined) known.set(address, instance);
    else {
      const first = `${formatPath(earlier.path)}, line ${report.lineOf([...earlier.path, "target"])}`;
      const message = `the upstream has the target ${address} already (${first}); keep one of them`;
      report.add("error", [...instance.path, "target"], message);
    }
  }
}

function isUpstream({ instance }: Good): boolean {
  return instance.entity.name === "upstream";
}

function isTarget({ instance }: Good): boolean {
  return instance.entity.name === "target";
}

function build(
  id: string,
  fields: UpstreamFields,
  more: Pick<UpstreamDefinition, "targets" | "clientCertificate">,
): UpstreamDefinition {
  const { client_certificate, created_at, id: _, name, tags, updated_at, ...options } = fields;
  return { id, name, options, ...more };
}

/** In one pass: a file may have thousands of each. */
function targetsByUpstream(
  good: readonly Good[],
  directory: Directory,
): ReadonlyMap<Instance, readonly UpstreamTarget[]> {
  const found = new Map<Instance, UpstreamTarget[]>();
  for (const { instance, value } of good.filter(isTarget)) {
    const owner = directory.target(instance, "upstream");
    if (owner === undefined) continue;
    const fields = value as TargetFields; // made by that shape
    const targets = found.get(owner) ?? [];
    found.set(owner, targets);
    targets.push({ ...addressOf(fields), weight: fields.weight, failover: fields.failover });
  }
  return found;
}

/** The shape has let only addresses through. */
function addressOf({ target: text }: TargetFields) {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`target ${text} is no address`);
  return address;
}
