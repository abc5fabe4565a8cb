import { describePublishedSchema } from "../../../test/support/published-schema.ts";
import { keyAuthConfig } from "./config.ts";

describePublishedSchema({ name: "KeyAuth", schema: keyAuthConfig, count: 14 });
