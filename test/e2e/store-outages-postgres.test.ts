/** PostgreSQL with pgvector goes away, freezes, forgets and is tampered with while hundreds of requests are under way. */
import { storeCases } from "../support/store-cases.ts";
import { describeStoreOutages } from "../support/store-outages.ts";

describeStoreOutages(storeCases.postgres);
