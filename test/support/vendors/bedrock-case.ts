/** A fake of Bedrock for the tests of one file, and embedders that call it. */
import { afterAll, afterEach, beforeAll } from "vitest";
import { bedrock } from "../../../src/embedders/bedrock.ts";
import type { Embedder, EmbedderConfig, EmbedderServices } from "../../../src/embedders/embedder.ts";
import type { EmbeddingsOptions } from "../../../src/embedders/options.ts";
import { createHttpCaller, type HttpCaller } from "../../../src/http/http-caller.ts";
import type { Keys } from "./aws-signature.ts";
import { startBedrock } from "./bedrock-embeddings.ts";
import type { VendorServer } from "./server.ts";

export type BedrockModelOptions = Partial<EmbeddingsOptions["model"]["options"]>;

export const region = "eu-west-1";
export const keys: Keys = { accessKeyId: "AKIARIGHT", secretAccessKey: "right-secret-right-secret" };
export const auth = { aws_access_key_id: keys.accessKeyId, aws_secret_access_key: keys.secretAccessKey };
export const aws = { aws_region: region, embeddings_normalize: false };
export const titan = "amazon.titan-embed-text-v2:0";

export interface CreateOptions {
  readonly options?: BedrockModelOptions;
  readonly auth?: EmbedderConfig["auth"];
  readonly dimensions?: number;
  readonly env?: EmbedderServices["env"];
}

/** The server takes `keys` and "right-api-key", at the machine's time, before each test anew. */
export function useBedrock() {
  let server: VendorServer;
  let caller: HttpCaller;
  const state = { known: [keys] as readonly Keys[], now: Date.now as () => number };

  beforeAll(async () => {
    caller = createHttpCaller();
    server = await startBedrock({
      region,
      keys: () => state.known,
      apiKey: "right-api-key",
      now: () => state.now(),
    });
  });
  afterEach(() => {
    server.reset();
    state.known = [keys];
    state.now = Date.now;
  });
  afterAll(async () => {
    await server.close();
    await caller.close();
  });

  return {
    /** What the server takes for known keys and for the time; tests may set both. */
    state,
    get server() {
      return server;
    },
    /** The bodies of the calls so far. */
    get bodies() {
      return server.requests.map(({ json }) => json);
    },
    create(name: string, more: CreateOptions = {}): Embedder {
      const options = { upstream_url: server.url, bedrock: aws, ...more.options };
      return bedrock.create(
        { model: { name, options }, auth: more.auth ?? auth, dimensions: more.dimensions },
        { call: caller.call, wallClock: () => state.now(), env: more.env ?? {} },
      );
    },
  };
}
