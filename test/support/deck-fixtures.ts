/** State files for tests with decK, made to stay on this machine. */
import { readFileSync } from "node:fs";

/** Where READMEs of examples have the simulator. */
export const simulatorInReadmes = "http://127.0.0.1:8090";

/** The seed config, which embeds with the simulator at `url` in place of OpenAI. */
export function seedFor(url: string): string {
  const seed = readFileSync(new URL("../fixtures/config/seed.yaml", import.meta.url), "utf8");
  const name = "name: text-embedding-3-small";
  return seed.replace(name, `${name}\n          options: { upstream_url: "${url}/v1/embeddings" }`);
}
