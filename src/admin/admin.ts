/** The admin listener of this version: who we are, a reload that says what became of it, where a request would go. */
import type { Schedule } from "../util/schedule.ts";
import { type Explain, explainPage } from "./explain.ts";
import { jsonReply, type Pages } from "./pages.ts";

export interface ReloadResult {
  readonly ok: boolean;
  /** Lines for people: problems of the file, or what runs now. */
  readonly messages: readonly string[];
}

export interface AdminSource {
  readonly version: string;
  describe(): Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
  reload(): Promise<ReloadResult>;
  readonly explain: Explain;
}

export function adminPages(source: AdminSource, schedule: Schedule): Pages {
  return {
    "GET /": () => jsonReply(200, { tagline: "Sluice", version: source.version }),
    "GET /status": async () => jsonReply(200, await source.describe()),
    "POST /reload": async () => {
      const result = await source.reload();
      return jsonReply(result.ok ? 200 : 400, result);
    },
    "POST /explain": (exchange) => explainPage(exchange, source.explain, schedule),
  };
}
