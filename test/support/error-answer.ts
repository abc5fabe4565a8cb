/** What every error answer has in common. */
import { expect } from "vitest";
import type { Answer } from "./gateway.ts";
import { targetKey } from "./gateway-config.ts";

export const jsonType = "application/json; charset=utf-8";

/** The row of the error table that an answer must be: in OpenAI's shape, whole, and without a key. */
export function expectError(
  answer: Answer,
  row: {
    readonly status: number;
    readonly code: string;
    readonly type: string;
    readonly message: string | RegExp;
  },
): void {
  const { status, code, type, message } = row;
  const { error } = answer.json();
  expect(answer.status).toBe(status);
  expect(answer.headers["content-type"]).toBe(jsonType);
  expect(Number(answer.headers["content-length"])).toBe(Buffer.byteLength(answer.text));
  expect(error).toEqual({
    message: typeof message === "string" ? message : expect.stringMatching(message),
    type,
    code,
    request_id: answer.headers["x-kong-request-id"],
  });
  expect(answer.headers["x-kong-llm-model"]).toBeUndefined();
  expect(answer.headers["x-kong-response-latency"]).toMatch(/^\d+$/);
  expect(answer.text).not.toContain(targetKey);
}
