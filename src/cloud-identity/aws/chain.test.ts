import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { useAwsEnvironment } from "../../../test/support/aws-environment.ts";
import { createFakeClock } from "../../../test/support/fake-clock.ts";
import { createSts } from "../../../test/support/vendors/aws-sts.ts";
import { startVendorServer, type VendorHandler } from "../../../test/support/vendors/server.ts";
import { IdentityError } from "../token-source.ts";
import { chainCredentials } from "./chain.ts";

const { set } = useAwsEnvironment();
const region = "eu-west-1";
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function serve(handle: VendorHandler) {
  const server = await startVendorServer(handle);
  ends.push(() => server.close());
  return server;
}

async function writeFiles(files: Readonly<Record<string, string>>): Promise<(name: string) => string> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-aws-"));
  ends.push(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return (name) => join(folder, name);
}

const failureOf = async (env: Readonly<Record<string, string | undefined>>) => {
  const error: unknown = await chainCredentials({ env }, region).catch((thrown: unknown) => thrown);
  if (!(error instanceof IdentityError)) throw new Error("an IdentityError was expected", { cause: error });
  return error;
};

describe("the vendor's chain of credentials", () => {
  it("finds what a container's endpoint hands out, and shows it the container's token", async () => {
    const container = await serve(({ headers, target }) =>
      target === "/creds" && headers["authorization"] === "container-token"
        ? {
            status: 200,
            body: {
              AccessKeyId: "ASIACONTAINER",
              SecretAccessKey: "s",
              Token: "t",
              Expiration: "2099-01-01T00:00:00Z",
            },
          }
        : { status: 403, body: {} },
    );
    const env = set({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${container.url}/creds`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: "container-token",
    });
    expect(await chainCredentials({ env }, region)).toEqual({
      accessKeyId: "ASIACONTAINER",
      secretAccessKey: "s",
      sessionToken: "t",
      expiresAtMs: Date.parse("2099-01-01T00:00:00Z"),
    });
  });

  it("finds the keys of a profile", async () => {
    const file = await writeFiles({
      credentials: "[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = s\n",
    });
    const env = set({ AWS_SHARED_CREDENTIALS_FILE: file("credentials"), AWS_PROFILE: "work" });
    expect(await chainCredentials({ env }, region)).toEqual({
      accessKeyId: "AKIAWORK",
      secretAccessKey: "s",
    });
  });

  it("finds the keys that a profile's role gets from STS", async () => {
    const roleArn = "arn:aws:iam::123456789012:role/gateway";
    const keys = { accessKeyId: "AKIABASE", secretAccessKey: "base-secret" };
    const sts = createSts({ region, keys: [keys], roleArns: [roleArn], now: Date.now });
    const server = await serve(sts.handle);
    const file = await writeFiles({
      credentials: "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base-secret\n",
      config: `[profile gateway]\nrole_arn = ${roleArn}\nrole_session_name = by-profile\nsource_profile = base\nregion = ${region}\n`,
    });
    const env = set({
      AWS_SHARED_CREDENTIALS_FILE: file("credentials"),
      AWS_CONFIG_FILE: file("config"),
      AWS_PROFILE: "gateway",
      AWS_ENDPOINT_URL_STS: server.url,
    });
    const warn = vi.spyOn(process, "emitWarning");
    ends.push(async () => warn.mockRestore());
    const found = await chainCredentials({ env }, region);
    // The library makes a client of STS for this, which is when it warns of versions of Node.
    expect(warn).not.toHaveBeenCalled();
    const [issued] = sts.issued;
    expect(issued).toMatchObject({ roleArn, sessionName: "by-profile" });
    expect(found).toEqual({
      accessKeyId: issued?.accessKeyId,
      secretAccessKey: issued?.secretAccessKey,
      sessionToken: issued?.sessionToken,
      expiresAtMs: issued?.expiresAtMs,
    });
  });

  it("says what to set, and what was tried, when there is nothing", async () => {
    const error = await failureOf(set({}));
    expect(error.message).toMatch(
      /^no AWS credentials found: set auth\.aws_access_key_id and auth\.aws_secret_access_key, or/,
    );
    expect(error.message).toContain("EC2 Instance Metadata Service access disabled");
    expect(error.isRetryable).toBe(false);
  });

  it("says that a container's endpoint was of no use, without its path and its token", async () => {
    const error = await failureOf(
      set({
        AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://creds.example/secret-path",
        AWS_CONTAINER_AUTHORIZATION_TOKEN: "container-token",
      }),
    );
    expect(error.message).toContain("the container's endpoint at creds.example gave none");
    expect(error.message).not.toMatch(/container-token|secret-path/);
  });

  it("says why a profile cannot be used", async () => {
    const error = await failureOf(set({ AWS_PROFILE: "missing" }));
    expect(error.message).toContain("profile");
  });

  it("is given up after ten seconds, whatever it hangs on", async () => {
    const container = await serve(() => new Promise(() => undefined));
    const env = set({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${container.url}/creds` });
    const clock = createFakeClock();
    const lookup = chainCredentials({ env }, region, clock.schedule).catch((error: unknown) => error);
    await container.arrived();
    await clock.advance(10_000);
    const error = await lookup;
    expect(error).toBeInstanceOf(IdentityError);
    expect(error).toMatchObject({ isRetryable: true });
    expect(String(error)).toContain("AWS credentials were not found within 10 s: set auth.aws_access_key_id");
    expect(clock.timers).toBe(0);
  });
});
