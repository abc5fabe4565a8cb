// Prints the log entries that are sent to it, one line each: node examples/logging/receiver.mjs PORT
import { createServer } from "node:http";

const server = createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  response.end();
  for (const { ai, latencies, request: asked, response: answer } of [JSON.parse(text)].flat()) {
    const { meta = {}, usage = {} } = ai?.proxy ?? {};
    const tokens = `${usage.prompt_tokens ?? 0}+${usage.completion_tokens ?? 0} tokens`;
    console.log(`${asked.method} ${asked.uri} ${answer.status} ${latencies.request} ms ${meta.request_model} ${tokens}`);
  }
});
server.listen(Number(process.argv[2] ?? 9090), "127.0.0.1", () => {
  console.log(`waiting for entries on http://127.0.0.1:${server.address().port}`);
});
