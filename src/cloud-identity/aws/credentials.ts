/** Keys that sign calls of AWS. */
import type { Kept } from "../kept.ts";

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Milliseconds since 1970; absent: they do not expire. */
  readonly expiresAtMs?: number;
}

/** Credentials that have not expired. Rejects with an `IdentityError`, or with the signal's reason when the caller leaves. */
export type CredentialSource = Kept<AwsCredentials>;
