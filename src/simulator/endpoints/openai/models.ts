/** `GET /v1/models` and `GET /v1/models/{name}`. The list is for clients that look; any model is answered for. */
import type { JsonObject } from "../../../llm/json.ts";
import { type Endpoint, VendorError } from "../../endpoint.ts";
import { checkOpenaiKey, openaiErrorBody, openaiErrorEvent } from "./errors.ts";

export const openaiModels: Endpoint = {
  name: "openai-models",
  method: "GET",
  requestIdHeader: "x-request-id",
  serves: (path) => /\/models(\/[^/]+)?$/.test(path),
  model: () => undefined,
  errorBody: openaiErrorBody,
  errorEvent: openaiErrorEvent,
  answer({ path, headers, surroundings }) {
    checkOpenaiKey(headers, surroundings);
    const name = /\/models\/([^/]+)$/.exec(path)?.[1];
    if (name === undefined) {
      return { kind: "whole", tokens: 0, body: { object: "list", data: surroundings.models.map(describe) } };
    }
    if (surroundings.models.includes(name)) return { kind: "whole", tokens: 0, body: describe(name) };
    throw new VendorError(404, `The model '${name}' does not exist`, {
      type: "invalid_request_error",
      param: "model",
      code: "model_not_found",
    });
  },
};

function describe(id: string): JsonObject {
  return { id, object: "model", created: 1_700_000_000, owned_by: "simulator" };
}
