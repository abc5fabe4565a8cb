/**
 * AWS' Security Token Service as far as AssumeRole goes (query protocol, XML answers), with signatures checked. What it
 * answers is as docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html has it.
 */
import { checkSignature, type Fault, type Keys, type SignedRequest } from "./aws-signature.ts";

export interface StsOptions {
  readonly region: string;
  /** Keys that may assume roles. */
  readonly keys: readonly Keys[];
  /** Roles they may assume. */
  readonly roleArns: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Default one hour, as AWS'. */
  readonly lifetimeMs?: number;
}

export interface Sts {
  handle(request: SignedRequest): {
    readonly status: number;
    readonly headers: Record<string, string>;
    readonly body: string;
  };
  /** All credentials handed out, oldest first. */
  readonly issued: readonly (Keys & { readonly roleArn: string; readonly sessionName: string })[];
}

const codes: Readonly<Record<Fault, readonly [number, string]>> = {
  missing: [403, "MissingAuthenticationToken"],
  incomplete: [400, "IncompleteSignature"],
  "unknown-key": [403, "InvalidClientTokenId"],
  "bad-token": [403, "InvalidClientTokenId"],
  "expired-token": [403, "ExpiredToken"],
  stale: [403, "SignatureDoesNotMatch"],
  mismatch: [403, "SignatureDoesNotMatch"],
};

export function createSts(options: StsOptions): Sts {
  const { keys, lifetimeMs = 3_600_000, now, region, roleArns } = options;
  const issued: (Keys & { roleArn: string; sessionName: string })[] = [];

  function assume(form: URLSearchParams) {
    const roleArn = form.get("RoleArn") ?? "";
    const sessionName = form.get("RoleSessionName") ?? "";
    if (form.get("Action") !== "AssumeRole" || form.get("Version") !== "2011-06-15")
      return refusal(
        400,
        "InvalidAction",
        `Could not find operation ${form.get("Action")} for version ${form.get("Version")}`,
      );
    if (!/^[\w+=,.@-]{2,64}$/.test(sessionName))
      return refusal(
        400,
        "ValidationError",
        "1 validation error detected: Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
      );
    if (!roleArns.includes(roleArn))
      return refusal(
        403,
        "AccessDenied",
        `User: arn:aws:iam::123456789012:user/gateway is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
      );
    const number = issued.length + 1;
    const fresh = {
      roleArn,
      sessionName,
      accessKeyId: `ASIAEXAMPLE${number}`,
      secretAccessKey: `role/secret+${number}==`,
      sessionToken: `IQoJb3JpZ2luX2Vj/token+${number}==`,
      expiresAtMs: Math.floor((now() + lifetimeMs) / 1000) * 1000,
    };
    issued.push(fresh);
    return { status: 200, headers: { "content-type": "text/xml" }, body: answer(fresh) };
  }

  return {
    issued,
    handle(request) {
      if (request.method !== "POST" || request.target !== "/") return refusal(404, "NotFound", "not found");
      const scope = { region, service: "sts", nowMs: now(), toleranceMs: 15 * 60_000 };
      const fault = checkSignature(request, keys, scope);
      if (fault !== undefined) return refusal(...codes[fault.fault], fault.message);
      return assume(new URLSearchParams(request.body));
    },
  };
}

function answer(fresh: Sts["issued"][number]): string {
  const role = fresh.roleArn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/");
  return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <AssumedRoleUser>
      <AssumedRoleId>AROAEXAMPLE:${fresh.sessionName}</AssumedRoleId>
      <Arn>${role}/${fresh.sessionName}</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>${fresh.accessKeyId}</AccessKeyId>
      <SecretAccessKey>${fresh.secretAccessKey}</SecretAccessKey>
      <SessionToken>${fresh.sessionToken}</SessionToken>
      <Expiration>${new Date(fresh.expiresAtMs ?? 0).toISOString().replace(".000", "")}</Expiration>
    </Credentials>
  </AssumeRoleResult>
  <ResponseMetadata>
    <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId>
  </ResponseMetadata>
</AssumeRoleResponse>
`;
}

function refusal(status: number, code: string, message: string) {
  const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error>
    <Type>${status < 500 ? "Sender" : "Receiver"}</Type>
    <Code>${code}</Code>
    <Message>${message.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("'", "&apos;")}</Message>
  </Error>
  <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId>
</ErrorResponse>
`;
  return { status, headers: { "content-type": "text/xml" }, body };
}
