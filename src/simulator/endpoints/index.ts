/** THE list of simulated endpoints; the first that serves a path answers it. */
import type { Endpoint } from "../endpoint.ts";
import { anthropicMessages } from "./anthropic/messages.ts";
import { openaiChat } from "./openai/chat.ts";
import { openaiEmbeddings } from "./openai/embeddings.ts";
import { openaiModels } from "./openai/models.ts";

export const endpoints: readonly Endpoint[] = [openaiChat, anthropicMessages, openaiEmbeddings, openaiModels];
