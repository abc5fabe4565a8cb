import { describePublishedSchema } from "../../../test/support/published-schema.ts";
import { httpLogConfig } from "./config.ts";

describePublishedSchema({
  name: "HttpLog",
  schema: httpLogConfig,
  count: 20,
  wider: { "queue.concurrency_limit": { type: "number" } },
});
