/** How AWS refuses a call: a message in the body, and the kind of error in a header. */
import type { HttpCallAnswer } from "../../http/http-call.ts";
import { isJsonObject } from "../../llm/json.ts";
import type { EmbeddingsRefusal } from "../http/dialect.ts";

/**
 * `ThrottlingException: Too many requests …`. Throttling is worth another try whatever its status is; a model's own
 * failure (424) is not, by the vendor's own marks: only what is throttled or not ready is retryable beside 5xx.
 * `renew` forgets credentials that the service calls expired, and says whether others can be had.
 */
export function readAwsRefusal(
  { body, headers, status }: HttpCallAnswer,
  renew: () => boolean,
): EmbeddingsRefusal {
  const said = parse(body);
  const type = /^[A-Za-z]+/.exec(headers["x-amzn-errortype"] ?? typeIn(said) ?? "")?.[0];
  const text = said["message"] ?? said["Message"];
  const message = [type, text].filter((part) => typeof part === "string").join(": ");
  if (message === "") return {};
  const isRetryable = isPassing(type) || (saysExpired(status, message) && renew());
  return isRetryable ? { message, isRetryable } : { message };
}

function isPassing(type: string | undefined): boolean {
  return type !== undefined && /^Throttl|^TooManyRequests|NotReady/.test(type);
}

/** Said of the credentials, and not of the signature's time. */
function saysExpired(status: number, message: string): boolean {
  return (
    (status === 401 || status === 403) &&
    /ExpiredToken|token included in the request is expired/i.test(message)
  );
}

function typeIn({ __type: type }: Readonly<Record<string, unknown>>): string | undefined {
  return typeof type === "string" ? type.slice(type.lastIndexOf("#") + 1) : undefined;
}

function parse(body: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(body);
    return isJsonObject(json) ? json : {};
  } catch {
    // No JSON: the engine shows such a body as it is, or names it.
    return {};
  }
}
