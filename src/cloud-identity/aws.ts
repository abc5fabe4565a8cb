/** Signing in to AWS: which keys sign, for which region, and the signature of each call. */
import { roleCredentials } from "./aws/assume-role.ts";
import { chainCredentials } from "./aws/chain.ts";
import type { CredentialSource } from "./aws/credentials.ts";
import { readRegion } from "./aws/regions.ts";
import { type AwsRequest, signRequest } from "./aws/sigv4.ts";
import { fixed, keep } from "./kept.ts";
import type { IdentityServices } from "./token-source.ts";

/** The settings of that name, as the schema leaves them. */
export interface AwsSignerOptions {
  /** The service's signing name, e.g. `bedrock`. */
  readonly service: string;
  /** Absent: `AWS_REGION`, then `AWS_DEFAULT_REGION`. */
  readonly region?: string | undefined;
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly assumeRoleArn?: string | undefined;
  readonly roleSessionName?: string | undefined;
  readonly stsEndpointUrl?: string | undefined;
}

export interface AwsSigner {
  readonly region: string;
  /**
   * The request's headers with its signature (version 4). Credentials are those of the config, else of the environment
   * (`AWS_ACCESS_KEY_ID` …), else of the vendor's own chain (profile files, SSO, web identity, container, machine);
   * with a role, they assume it. Those that expire are kept and renewed in time. Rejects with an `IdentityError`, or
   * with the signal's reason when the caller leaves.
   */
  sign(request: AwsRequest, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /**
   * To be called when the service refuses the signature because the credentials have expired: see `Kept`. True when a
   * next signature can be made with others.
   */
  renew(): boolean;
}

/** Throws an `Error` that names the setting when the options cannot work. Does no I/O until the first signature. */
export function awsSigner(options: AwsSignerOptions, services: IdentityServices): AwsSigner {
  const { service } = options;
  const region = readRegion(options.region, services.env);
  const source = withRole(options, region, ownCredentials(options, region, services), services);
  return {
    region,
    async sign(request, signal) {
      const credentials = await source.get(signal);
      return signRequest(request, credentials, { region, service, atMs: services.wallClock() });
    },
    renew: () => source.renew(),
  };
}

function ownCredentials(
  options: AwsSignerOptions,
  region: string,
  services: IdentityServices,
): CredentialSource {
  const { accessKeyId, secretAccessKey } = options;
  if (!accessKeyId !== !secretAccessKey)
    throw new Error("auth.aws_access_key_id and auth.aws_secret_access_key go together: set both or neither");
  // A session token in the environment belongs to the environment's key, not to this one.
  if (accessKeyId && secretAccessKey) return fixed({ accessKeyId, secretAccessKey });
  return (
    environmentCredentials(services.env) ?? keep(() => chainCredentials(services, region), services.wallClock)
  );
}

/** Before a profile, as AWS' command line and most of its SDKs have it. */
function environmentCredentials(env: IdentityServices["env"]): CredentialSource | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  const sessionToken = env["AWS_SESSION_TOKEN"];
  if (!accessKeyId || !secretAccessKey) return undefined;
  return fixed({ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) });
}

function withRole(
  options: AwsSignerOptions,
  region: string,
  own: CredentialSource,
  services: IdentityServices,
): CredentialSource {
  const { assumeRoleArn: roleArn, roleSessionName: sessionName, stsEndpointUrl: endpointUrl } = options;
  if (!roleArn !== !sessionName)
    throw new Error("aws_assume_role_arn and aws_role_session_name go together: set both or neither");
  if (!roleArn || !sessionName) return own;
  const load = roleCredentials({ roleArn, sessionName, region, endpointUrl }, own, services);
  return keep(load, services.wallClock);
}
