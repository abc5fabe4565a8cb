/** The list of config entities; the order is that of the reference pages. */
import { caCertificate } from "./ca-certificate.ts";
import { certificate } from "./certificate.ts";
import { consumer } from "./consumer.ts";
import { consumerGroup } from "./consumer-group.ts";
import { keyauthCredential } from "./keyauth-credential.ts";
import { partial } from "./partial.ts";
import { plugin } from "./plugin.ts";
import { route } from "./route.ts";
import { service } from "./service.ts";
import { sni } from "./sni.ts";
import { target } from "./target.ts";
import { upstream } from "./upstream.ts";
import { vault } from "./vault.ts";

export const entities = [
  service,
  route,
  plugin,
  vault,
  consumer,
  consumerGroup,
  keyauthCredential,
  upstream,
  target,
  partial,
  certificate,
  caCertificate,
  sni,
] as const;
