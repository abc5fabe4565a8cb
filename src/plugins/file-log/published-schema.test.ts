import { describePublishedSchema } from "../../../test/support/published-schema.ts";
import { fileLogConfig } from "./config.ts";

describePublishedSchema({ name: "FileLog", schema: fileLogConfig, count: 3 });
