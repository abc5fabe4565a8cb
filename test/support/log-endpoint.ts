/** An endpoint for log entries that takes them, or does what real ones do at times. */
import type { AccessRecord } from "../../src/telemetry/access-record.ts";
import { bodyOf, startUpstream, type Upstream } from "./http-upstream.ts";

/** refuses: ends the connection unanswered · hangs: never answers · a number: answers with that status. */
export type EndpointMood = "takes" | "refuses" | "hangs" | "is slow" | number;

export interface LogEndpoint extends Upstream {
  /** Entries of messages that were answered with 200, in order. */
  readonly entries: readonly AccessRecord[];
  /** Messages that came, whatever became of them. */
  readonly messages: number;
  /** Headers of the last one. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  is(mood: EndpointMood): void;
}

const slowMs = 30;

export async function startLogEndpoint(): Promise<LogEndpoint> {
  const entries: AccessRecord[] = [];
  let mood: EndpointMood = "takes";
  let messages = 0;
  let headers: LogEndpoint["headers"] = {};
  const upstream = await startUpstream(async (request, response) => {
    messages++;
    headers = request.headers;
    const now = mood;
    const text = (await bodyOf(request)).toString("utf8");
    if (now === "refuses") request.socket.destroy();
    else if (typeof now === "number") response.writeHead(now).end("not now");
    else if (now !== "hangs") {
      if (now === "is slow") await new Promise((resolve) => setTimeout(resolve, slowMs));
      entries.push(...[JSON.parse(text) as AccessRecord | AccessRecord[]].flat()); // what the gateway sends
      response.end();
    }
  });
  return {
    ...upstream,
    entries,
    get messages() {
      return messages;
    },
    get headers() {
      return headers;
    },
    is(next) {
      mood = next;
    },
  };
}
