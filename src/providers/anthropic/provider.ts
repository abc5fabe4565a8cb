/** Anthropic's Messages API (https://platform.claude.com/docs/en/api/messages). */
import { defineProvider } from "../provider.ts";
import { encodeRequest } from "./request.ts";
import { decodeAnswer } from "./response.ts";
import { createMessageDecoder } from "./stream.ts";

export const anthropic = defineProvider({
  name: "anthropic",
  summary: "Anthropic's Claude models through the Messages API.",
  requiredOptions: ["anthropic_version"],
  endpoint: () => "https://api.anthropic.com:443/v1/messages",
  headers: ({ options }) => ({
    ...(options.anthropic_version !== undefined && { "anthropic-version": options.anthropic_version }),
  }),
  chat: { encode: encodeRequest, decode: decodeAnswer, stream: createMessageDecoder },
});
