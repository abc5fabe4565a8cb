/** Errors that a test waits for. */
import { GatewayError } from "../../src/errors.ts";

/** What the promise rejects with; an error of the test when that is no `GatewayError`. */
export async function rejectionOf(promise: Promise<unknown>): Promise<GatewayError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (error instanceof GatewayError) return error;
  throw new Error(`expected a GatewayError, got ${error}`);
}
