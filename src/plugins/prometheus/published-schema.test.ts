import { describePublishedSchema } from "../../../test/support/published-schema.ts";
import { prometheusConfig } from "./config.ts";

describePublishedSchema({ name: "Prometheus", schema: prometheusConfig, count: 7 });
