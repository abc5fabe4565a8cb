/** Entry of the upstream's process. */
import { startUpstream } from "./upstream.ts";

await startUpstream(Number(process.argv[2]));
