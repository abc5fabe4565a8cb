/** The status listener: is it alive, is it ready, what does it count. */
import type { Metrics } from "../telemetry/metrics.ts";
import { jsonReply, type Pages, textReply } from "./pages.ts";

export interface StatusSource {
  readonly metrics: Metrics;
  /** True while requests are served. */
  isReady(): boolean;
  /** Facts for `/status`. */
  describe(): Readonly<Record<string, unknown>>;
}

/** `/status`, `/status/ready`, `/metrics`. */
export function statusPages(source: StatusSource): Pages {
  return {
    "GET /status": () => jsonReply(200, source.describe()),
    "GET /status/ready": () =>
      source.isReady()
        ? jsonReply(200, { message: "ready" })
        : jsonReply(503, { message: "no configuration is being served yet" }),
    "GET /metrics": () => {
      const { text, contentType } = source.metrics.render();
      return textReply(200, text, contentType);
    },
  };
}
