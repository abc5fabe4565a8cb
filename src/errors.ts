/** The one table of errors a client can receive, and the one error class the data path throws. */

/** OpenAI's `error.type` words, so that SDKs sort our failures like the vendor's own. */
type ErrorType =
  | "invalid_request_error"
  | "rate_limit_error"
  | "server_error"
  | "api_connection_error"
  | "timeout_error";

type ErrorShape = "ai" | "gateway" | "both";

interface ErrorRow {
  readonly status: number;
  readonly type: ErrorType;
  /** `ai`: `{"error":{…}}`; `gateway`: `{"message","request_id"}`, as Kong's framework answers; `both` in one. */
  readonly shape: ErrorShape;
  /** `{name}` stands for a detail given where the error is thrown. */
  readonly message: string;
}

/** Code → row. The texts of Kong's published errors are Kong's, so that clients that match on them keep working. */
export const errorTable = {
  no_route: row(404, "invalid_request_error", "no Route matched with those values", "gateway"),
  https_required: row(426, "invalid_request_error", "Please use HTTPS protocol", "gateway"),
  bad_body: row(
    400,
    "invalid_request_error",
    "content-type header does not match request body, or bad JSON formatting",
  ),
  body_too_large: row(
    413,
    "invalid_request_error",
    "request body too large: the limit of this route is {limit} bytes (max_request_body_size)",
  ),
  no_prompt: row(400, "invalid_request_error", "request body doesn't contain valid prompts"),
  two_formats: row(400, "invalid_request_error", "request matches multiple LLM request formats"),
  wrong_format: row(
    400,
    "invalid_request_error",
    "[{found}] message format is not compatible with [{expected}] route type",
  ),
  unknown_format: row(400, "invalid_request_error", "request format not recognised"),
  own_model: row(400, "invalid_request_error", "cannot use own model - must be: {allowed}"),
  no_model: row(
    400,
    "invalid_request_error",
    "model parameter not found in request, nor in gateway configuration",
  ),
  streaming_denied: row(400, "invalid_request_error", "response streaming is not enabled for this LLM"),
  template_missing: row(400, "invalid_request_error", "{source} key {key} was not provided"),
  template_invalid: row(400, "invalid_request_error", "cannot parse expression for field '{field}'"),
  template_source: row(400, "invalid_request_error", "source '{source}' is not supported"),
  template_unsafe: row(
    400,
    "invalid_request_error",
    "{source} key {key} has a value that may not be part of a URL",
  ),
  untranslatable: row(
    400,
    "invalid_request_error",
    "error transforming to {provider}://{routeType}: {reason}",
  ),
  no_target: row(
    503,
    "server_error",
    "no target matched the prompt within threshold {threshold} (the nearest was at {nearest}) and no CATCHALL target is configured",
  ),
  routing_unavailable: row(
    503,
    "server_error",
    "the prompt could not be embedded for semantic routing ({reason}) and on_error is set to fail",
  ),
  no_healthy_target: row(503, "server_error", "no target is available: {reason}"),
  upstream_unusable: row(
    500,
    "server_error",
    "transformation failed from type {provider}://{routeType}: {reason}",
  ),
  name_resolution: row(503, "api_connection_error", "name resolution failed"),
  upstream_unreachable: row(
    502,
    "api_connection_error",
    "An invalid response was received from the upstream server",
  ),
  upstream_timeout: row(504, "timeout_error", "The upstream server is timing out"),
  upstream_stream_error: row(
    502,
    "server_error",
    "the upstream reported an error inside the stream: {reason}",
  ),
  stream_cut: row(
    502,
    "api_connection_error",
    "the upstream closed the stream before the answer was complete",
  ),
  request_cut: row(400, "invalid_request_error", "the request ended before its body was complete"),
  no_service: row(
    503,
    "server_error",
    "route {route} has no service to proxy to and no plugin that answers",
    "gateway",
  ),
  no_peer: row(503, "server_error", "failure to get a peer from the ring-balancer", "gateway"),
  bad_question: row(400, "invalid_request_error", "cannot explain: {reason}", "gateway"),
  no_plugin: row(404, "invalid_request_error", "cannot explain: {reason}", "gateway"),
  question_too_large: row(
    413,
    "invalid_request_error",
    "cannot explain: the request body is larger than {limit} bytes; shorten the prompt",
    "gateway",
  ),
  cannot_explain: row(503, "server_error", "cannot explain at the moment: {reason}; try again", "gateway"),
  explain_timeout: row(
    504,
    "timeout_error",
    "cannot explain: there was no decision within {seconds} s; the embedder or the gateway is too slow at the moment",
    "gateway",
  ),
  no_api_key: row(401, "invalid_request_error", "No API key found in request", "gateway"),
  unauthorized: row(401, "invalid_request_error", "Unauthorized", "gateway"),
  duplicate_api_key: row(401, "invalid_request_error", "Duplicate API key found", "gateway"),
  rate_limit_exceeded: row(429, "rate_limit_error", "{text}", "both"),
  internal: row(500, "server_error", "An unexpected error occurred", "gateway"),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

export interface ErrorDetails {
  /** Fills the `{…}` places of the message. */
  readonly [name: string]: string | number | undefined;
}

/** A failure with a row in the table. Its message is ready for the client: no secret and no prompt is ever in it. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly type: ErrorType;
  readonly shape: ErrorShape;
  /** Seconds after which trying again makes sense, sent as `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;
  /** How to ask to be let in, sent as `WWW-Authenticate`. */
  readonly challenge: string | undefined;
  /** What to speak instead, sent as `Upgrade`. */
  readonly upgrade: string | undefined;

  constructor(
    code: ErrorCode,
    details: ErrorDetails = {},
    options: {
      cause?: unknown;
      retryAfterSeconds?: number;
      challenge?: string;
      upgrade?: string;
      status?: number;
    } = {},
  ) {
    const { status, type, shape, message } = errorTable[code];
    super(
      message.replace(/\{(\w+)\}/g, (place, name: string) => String(details[name] ?? place)),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = "GatewayError";
    this.code = code;
    this.status = options.status ?? status; // a config may give another
    this.type = type;
    this.shape = shape;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.challenge = options.challenge;
    this.upgrade = options.upgrade;
  }

  /** The JSON body a client gets. */
  toBody(requestId: string): string {
    const gateway = { message: this.message, request_id: requestId };
    if (this.shape === "gateway") return JSON.stringify(gateway);
    const error = { message: this.message, type: this.type, code: this.code, request_id: requestId };
    return JSON.stringify(this.shape === "both" ? { ...gateway, error } : { error });
  }
}

/** Turns anything thrown into a `GatewayError`, keeping the cause. */
export function toGatewayError(error: unknown): GatewayError {
  return error instanceof GatewayError ? error : new GatewayError("internal", {}, { cause: error });
}

function row<Shape extends ErrorShape = "ai">(
  status: number,
  type: ErrorType,
  message: string,
  shape?: Shape,
): ErrorRow {
  return { status, type, message, shape: shape ?? "ai" };
}
