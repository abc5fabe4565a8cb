/** How Google's APIs refuse: `google.rpc.Status` (https://google.aip.dev/193), sometimes inside a list. */
import { isJsonObject } from "../../llm/json.ts";
import type { EmbeddingsRefusal } from "../http/dialect.ts";

/** Says nothing of a body that has another shape. */
export function readGoogleRefusal(body: string): EmbeddingsRefusal {
  const error = findError(body);
  if (error === undefined) return {};
  const message = error["message"];
  return {
    message: typeof message === "string" ? message : undefined,
    retryAfterMs: readDelay(error["details"]),
  };
}

function findError(body: string): Readonly<Record<string, unknown>> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return undefined;
  }
  const first: unknown = Array.isArray(json) ? json[0] : json;
  const error = isJsonObject(first) ? first["error"] : undefined;
  return isJsonObject(error) ? error : undefined;
}

/** `{"@type": "…RetryInfo", "retryDelay": "45.5s"}`; these APIs have it in place of the header `retry-after`. */
function readDelay(details: unknown): number | undefined {
  if (!Array.isArray(details)) return undefined;
  for (const detail of details) {
    const delay: unknown = isJsonObject(detail) ? detail["retryDelay"] : undefined;
    const [, seconds] = typeof delay === "string" ? (/^(\d+(?:\.\d+)?)s$/.exec(delay) ?? []) : [];
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1000);
  }
  return undefined;
}
