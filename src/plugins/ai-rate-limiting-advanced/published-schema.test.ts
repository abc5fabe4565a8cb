import { describePublishedSchema } from "../../../test/support/published-schema.ts";
import { aiRateLimitingAdvancedConfig } from "./config.ts";

describePublishedSchema({ name: "AiRateLimitingAdvanced", schema: aiRateLimitingAdvancedConfig, count: 66 });
