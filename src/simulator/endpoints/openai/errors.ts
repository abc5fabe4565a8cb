/** OpenAI's errors: the body, the kind that goes with each status, and the checks all its endpoints share. */
import type { IncomingHttpHeaders } from "node:http";
import { isJsonObject, type JsonObject } from "../../../llm/json.ts";
import { type Surroundings, VendorError } from "../../endpoint.ts";

const types: Readonly<Record<number, string>> = {
  401: "invalid_request_error",
  403: "invalid_request_error",
  429: "requests",
};

const codes: Readonly<Record<number, string>> = {
  401: "invalid_api_key",
  404: "model_not_found",
  429: "rate_limit_exceeded",
};

/** `{"error":{"message","type","param","code"}}`. */
export function openaiErrorBody(error: VendorError): JsonObject {
  const type =
    error.type ?? types[error.status] ?? (error.status < 500 ? "invalid_request_error" : "server_error");
  // Only an error made up from a bare status gets that status's usual code.
  const code =
    error.code ?? (error.type === undefined && error.param === undefined ? codes[error.status] : undefined);
  return { error: { message: error.message, type, param: error.param ?? null, code: code ?? null } };
}

export function openaiErrorEvent(error: VendorError): string {
  return `data: ${JSON.stringify(openaiErrorBody(error))}\n\n`;
}

/** A wrong parameter, 400. */
export function badParameter(param: string, message: string, code?: string): VendorError {
  return new VendorError(400, message, {
    type: "invalid_request_error",
    param,
    ...(code === undefined ? {} : { code }),
  });
}

/** Throws OpenAI's 401 unless the key is the right one; Azure's header is taken, too. */
export function checkOpenaiKey(headers: IncomingHttpHeaders, { apiKey }: Surroundings): void {
  if (apiKey === undefined) return;
  const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];
  const given = bearer ?? headers["api-key"];
  if (given === apiKey) return;
  if (given === undefined) {
    throw new VendorError(
      401,
      "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
      { type: "invalid_request_error" },
    );
  }
  throw new VendorError(401, "Incorrect API key provided.", {
    type: "invalid_request_error",
    code: "invalid_api_key",
  });
}

/** The model of a request: in the body, or in the path of an Azure deployment. */
export function openaiModel(path: string, body: unknown): string | undefined {
  const model = isJsonObject(body) ? body["model"] : undefined;
  if (typeof model === "string" && model !== "") return model;
  const deployment = /\/deployments\/([^/]+)\//.exec(path)?.[1];
  return deployment === undefined ? undefined : decodeOr(deployment);
}

/** As `openaiModel`; throws OpenAI's 400 when there is none. */
export function requireModel(path: string, body: JsonObject): string {
  const model = openaiModel(path, body);
  if (model === undefined)
    throw new VendorError(400, "you must provide a model parameter", { type: "invalid_request_error" });
  return model;
}

function decodeOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not percent-encoded after all, so it is the name as it stands
  }
}
