/** Where an AWS region's services are. */
import type { IdentityServices } from "../token-source.ts";

/**
 * The config's region, else `AWS_REGION`, else `AWS_DEFAULT_REGION`. Throws an `Error` that says what to set, also for
 * what cannot be part of a host name.
 */
export function readRegion(configured: string | undefined, env: IdentityServices["env"]): string {
  const region = [configured, env["AWS_REGION"], env["AWS_DEFAULT_REGION"]].find((value) => value);
  if (region === undefined)
    throw new Error(
      "no AWS region is set: set aws_region, or AWS_REGION in the environment, e.g. to eu-west-1",
    );
  if (!/^[a-z]{2,}(?:-[a-z0-9]+)+$/.test(region))
    throw new Error(`"${region}" is not an AWS region: aws_region must be like eu-west-1`);
  return region;
}

/** China is a partition of its own. */
export function dnsSuffix(region: string): string {
  return region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}
