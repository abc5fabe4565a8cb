/** The active health check of a target: who is down is left out before a request finds out. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Stack, startStack, until } from "../support/gateway.ts";
import { chatConfig, chatUrl, openaiTarget } from "../support/gateway-config.ts";

let server: Server;
let status: number;
let stack: Stack;

beforeEach(async () => {
  status = 200;
  server = createServer((_, response) => response.writeHead(status).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  stack = await startStack({
    config: (simulator) => {
      const health_check = {
        url: `http://127.0.0.1:${port}/v1/models`,
        interval: 100,
        unhealthy_after: 2,
        healthy_after: 1,
      };
      return chatConfig([
        openaiTarget(chatUrl(simulator), { model: "gpt-4o", weight: 99, extra: { health_check } }),
        openaiTarget(chatUrl(simulator), { model: "gpt-4o-mini", weight: 1 }),
      ]);
    },
  });
});

afterEach(async () => {
  await stack.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const first = () => stack.gateway.targets()[0];
const askedModel = async () => (await stack.ask("hello")).headers["x-kong-llm-model"];

it("leaves a target out while its check fails, says so once, and takes it back", async () => {
  await until(() => first()?.healthy === true, "the first check");
  expect(await askedModel()).toBe("openai/gpt-4o");
  status = 503;
  await until(() => first()?.healthy === false, "two failed checks");
  for (let count = 0; count < 5; count++) expect(await askedModel()).toBe("openai/gpt-4o-mini");
  status = 401;
  await until(() => first()?.healthy === true, "a good check");
  expect(await askedModel()).toBe("openai/gpt-4o");
  const said = stack.log.filter(({ message }) => /health/.test(message));
  expect(said.map(({ level }) => level)).toEqual(["warn", "info"]);
});

it("keeps what it knows over a reload that leaves the target as it is", async () => {
  status = 503;
  await until(() => first()?.healthy === false, "two failed checks");
  const { port } = server.address() as AddressInfo; // it listens on a port
  await stack.reload((simulator) =>
    chatConfig(
      [
        openaiTarget(chatUrl(simulator), {
          model: "gpt-4o",
          weight: 99,
          extra: {
            health_check: {
              url: `http://127.0.0.1:${port}/v1/models`,
              interval: 100,
              unhealthy_after: 2,
              healthy_after: 1,
            },
          },
        }),
        openaiTarget(chatUrl(simulator), { model: "gpt-4o-mini", weight: 1 }),
      ],
      { max_request_body_size: 100_000 },
    ),
  );
  expect(first()?.healthy).toBe(false);
  expect(await askedModel()).toBe("openai/gpt-4o-mini");
});
