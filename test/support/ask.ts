/** Requests to a gateway in another process. */
import { request } from "undici";
import type { RunningGateway } from "./sluice-process.ts";

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

/**
 * Resolves when every worker has heard what the others knew when this was called, however busy the machine is. They tell
 * after 20 ms, by a timer that is due when they answer `/status` the second time; what they tell comes before that answer,
 * and is passed on before the others are asked the last time.
 */
export async function allHaveHeard({ addresses }: RunningGateway): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 40));
  for (let times = 0; times < 3; times++) await read(`${addresses.status}/status`);
}
