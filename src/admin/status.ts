/** The status listener: is it alive, is it ready, what does it count. */
import { jsonReply, type Pages, textReply } from "./pages.ts";

/** Where there are workers the facts have to be asked for. */
type Maybe<Value> = Value | Promise<Value>;

export interface MetricsSource {
  readonly metrics: { render(): Maybe<{ readonly text: string; readonly contentType: string }> };
}

export interface StatusSource extends MetricsSource {
  /** True while requests are served. */
  isReady(): boolean;
  /** Parts that are down while requests are served without them. */
  degraded(): Maybe<readonly unknown[]>;
  /** Facts for `/status`. */
  describe(): Maybe<Readonly<Record<string, unknown>>>;
}

/** `/status`, `/status/ready`, `/metrics`. */
export function statusPages(source: StatusSource): Pages {
  return {
    "GET /status": async () => jsonReply(200, await source.describe()),
    "GET /status/ready": async () => {
      if (!source.isReady()) return jsonReply(503, { message: "no configuration is being served yet" });
      const degraded = await source.degraded();
      return jsonReply(200, degraded.length === 0 ? { message: "ready" } : { message: "degraded", degraded });
    },
    ...metricsPages(source),
  };
}

/** `/metrics`, which is found on the admin listener too. */
export function metricsPages({ metrics }: MetricsSource): Pages {
  return {
    "GET /metrics": async () => {
      const { text, contentType } = await metrics.render();
      return textReply(200, text, contentType);
    },
  };
}
