/** The status listener: is it alive, is it ready, what does it count. */
import type { Metrics } from "../telemetry/metrics.ts";
import { jsonReply, type Pages, textReply } from "./pages.ts";

export interface StatusSource {
  readonly metrics: Metrics;
  /** True while requests are served. */
  isReady(): boolean;
  /** Parts that are down while requests are served without them. */
  degraded(): readonly unknown[];
  /** Facts for `/status`. */
  describe(): Readonly<Record<string, unknown>>;
}

/** `/status`, `/status/ready`, `/metrics`. */
export function statusPages(source: StatusSource): Pages {
  return {
    "GET /status": () => jsonReply(200, source.describe()),
    "GET /status/ready": () => {
      if (!source.isReady()) return jsonReply(503, { message: "no configuration is being served yet" });
      const degraded = source.degraded();
      return jsonReply(200, degraded.length === 0 ? { message: "ready" } : { message: "degraded", degraded });
    },
    "GET /metrics": () => {
      const { text, contentType } = source.metrics.render();
      return textReply(200, text, contentType);
    },
  };
}
