/** Entry of the vendors' process. */
import { startVendors } from "./vendor-server.ts";

await startVendors(Number(process.argv[2]));
