/** A client that reads an answer in its own time and can leave in the middle. */
import { once } from "node:events";
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

export interface StreamAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly message: IncomingMessage;
  /** What comes next; undefined at the end. */
  next(): Promise<string | undefined>;
  /** Everything that is left. `complete` is false where the connection was cut. */
  rest(): Promise<{ readonly text: string; readonly complete: boolean }>;
  /** Leaves: closes the connection at once. */
  leave(): void;
}

const agent = new Agent({ keepAlive: false });

/** Sends JSON and resolves with the head of the answer. */
export async function openStream(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<StreamAnswer> {
  const sent = request(url, {
    method: "POST",
    agent,
    headers: { "content-type": "application/json", ...headers },
  });
  sent.end(JSON.stringify(body));
  const [message] = (await once(sent, "response")) as [IncomingMessage];
  message.setEncoding("utf8");
  message.on("error", () => undefined); // a cut is seen in `complete`
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    message,
    next: () => nextChunk(message),
    async rest() {
      let text = "";
      for (let chunk = await nextChunk(message); chunk !== undefined; chunk = await nextChunk(message))
        text += chunk;
      return { text, complete: message.complete };
    },
    leave: () => sent.destroy(),
  };
}

/** Sends JSON and reads the whole stream. */
export async function readStream(
  url: string,
  body: unknown,
): Promise<{ text: string; complete: boolean; status: number; headers: IncomingHttpHeaders }> {
  const answer = await openStream(url, body);
  return { ...(await answer.rest()), status: answer.status, headers: answer.headers };
}

function nextChunk(message: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    const look = () => {
      const chunk = message.read() as string | null; // an encoding is set
      if (chunk === null && !message.readableEnded && !message.destroyed) return;
      message.off("readable", look);
      message.off("close", look);
      message.off("end", look);
      resolve(chunk ?? undefined);
    };
    message.on("readable", look);
    message.on("close", look);
    message.on("end", look);
    look();
  });
}
