/** The package's version, from its package.json. */
import { readFileSync } from "node:fs";

/** Both the source and the compiled file stand two levels below the package's root. */
const manifest = new URL("../../package.json", import.meta.url);

export function version(): string {
  const { version: text } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string }; // our own package.json has one
  return text;
}
