/** Redis 8, whose vector sets search, goes away, freezes, forgets and is tampered with while hundreds of requests are under way. */
import { storeCases } from "../support/store-cases.ts";
import { describeStoreOutages } from "../support/store-outages.ts";

describeStoreOutages(storeCases.redis);
