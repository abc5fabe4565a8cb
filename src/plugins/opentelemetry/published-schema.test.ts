import { describePublishedSchema } from "../../../test/support/published-schema.ts";
import { opentelemetryConfig } from "./config.ts";

describePublishedSchema({ name: "Opentelemetry", schema: opentelemetryConfig, count: 35 });
