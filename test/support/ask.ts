/** Requests to a gateway in another process. */
import { request } from "undici";

export const hello = { messages: [{ role: "user", content: "Hello, Xanadu" }] };

export interface ChatAnswer {
  readonly status: number;
  /** `X-Kong-LLM-Model`. */
  readonly model: string;
  readonly text: string;
}

/** Posts to `/chat`. */
export async function ask(base: string, body: object = hello): Promise<ChatAnswer> {
  const answer = await request(`${base}/chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return {
    status: answer.statusCode,
    model: String(answer.headers["x-kong-llm-model"]),
    text: await answer.body.text(),
  };
}

export async function read(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await request(url);
  return { status: answer.statusCode, text: await answer.body.text() };
}
