/** The vendor's chain of credential sources: profile files, SSO, processes, web identity, container and machine roles. */
import { withDeadline } from "../../util/deadline.ts";
import { presetVariable } from "../../util/environment.ts";
import { type Schedule, systemSchedule } from "../../util/schedule.ts";
import { IdentityError, type IdentityServices } from "../token-source.ts";
import type { AwsCredentials } from "./credentials.ts";

/**
 * A chain that ends at a machine without a metadata service takes a second or two; one that signs in over the network
 * some more. The library takes no signal: what is still under way after this is left alone, and bounded by its own
 * timeouts.
 */
const chainTimeoutMs = 10_000;

const remedies =
  "set auth.aws_access_key_id and auth.aws_secret_access_key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY " +
  "in the environment, or give the process a profile, a web identity, or a role of its container or machine";

/** What the library's notes begin with; the rest says why a source had nothing. */
const skipped = /^@smithy\/\S+ (?:->|\(!\)) /;

/**
 * The library's own switch. Web identity, SSO and a profile's role make it warn, on older versions of Node, of what its
 * releases of next year will require; that concerns whoever chooses the release, and no operator. "false" in the
 * environment brings the warning back.
 */
const noVersionWarning = "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED";

/**
 * Asks each source in the library's order until one answers. Nothing is kept: see `keep`. Files and
 * addresses come from `env` where the library lets us say so, and from the process's environment otherwise. Rejects
 * with an `IdentityError`.
 */
export async function chainCredentials(
  { env }: Pick<IdentityServices, "env">,
  region: string,
  schedule: Schedule = systemSchedule,
): Promise<AwsCredentials> {
  presetVariable(noVersionWarning, "true");
  const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
  const notes: string[] = [];
  const ignore = () => undefined;
  const note = (...content: unknown[]) => {
    const text = String(content[0]);
    if (skipped.test(text)) notes.push(text.replace(skipped, ""));
  };
  // Made anew each time: it keeps what it found by its own clock, and a lookup that hangs would block the next ones.
  const provider = defaultProvider({
    ...optionsFrom(env),
    clientConfig: { region },
    logger: { debug: note, info: ignore, warn: ignore, error: ignore },
  });
  try {
    const found = await withDeadline(deadline(schedule), async () => provider());
    return {
      accessKeyId: found.accessKeyId,
      secretAccessKey: found.secretAccessKey,
      ...(found.sessionToken !== undefined && { sessionToken: found.sessionToken }),
      ...(found.expiration !== undefined && { expiresAtMs: found.expiration.getTime() }),
    };
  } catch (error) {
    throw error instanceof IdentityError ? error : notFound(error, [...notes, ...containerNote(env)]);
  }
}

/** An option that is given wins over the process's environment. */
function optionsFrom(env: IdentityServices["env"]) {
  const named = {
    profile: env["AWS_PROFILE"],
    filepath: env["AWS_SHARED_CREDENTIALS_FILE"],
    configFilepath: env["AWS_CONFIG_FILE"],
    webIdentityTokenFile: env["AWS_WEB_IDENTITY_TOKEN_FILE"],
    roleArn: env["AWS_ROLE_ARN"],
    roleSessionName: env["AWS_ROLE_SESSION_NAME"],
    awsContainerCredentialsRelativeUri: env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"],
    awsContainerCredentialsFullUri: env["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
    awsContainerAuthorizationToken: env["AWS_CONTAINER_AUTHORIZATION_TOKEN"],
    awsContainerAuthorizationTokenFile: env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"],
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined && value !== ""));
}

function deadline(schedule: Schedule) {
  return {
    signal: new AbortController().signal,
    timeoutMs: chainTimeoutMs,
    schedule,
    timedOut: () =>
      new IdentityError(`AWS credentials were not found within ${chainTimeoutMs / 1000} s: ${remedies}`, {
        isRetryable: true,
      }),
    left: () => new IdentityError("the lookup of AWS credentials was abandoned"),
  };
}

/** The library asks it last of all and keeps its failure to itself. */
function containerNote(env: IdentityServices["env"]): readonly string[] {
  const full = env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] ?? "";
  if (!env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] && full === "") return [];
  const place = URL.canParse(full) ? ` at ${new URL(full).host}` : "";
  return [`the container's endpoint${place} gave none`];
}

/** The library's messages name files, settings, hosts and statuses, and no credential. */
function notFound(error: unknown, notes: readonly string[]): IdentityError {
  const message = error instanceof Error ? error.message : "no reason given";
  const reasons = [...new Set([...notes, message])].map((reason) =>
    reason.replace(/\s+/g, " ").slice(0, 200),
  );
  return new IdentityError(`no AWS credentials found: ${remedies}. Tried: ${reasons.join(" | ")}`, {
    cause: error,
  });
}
