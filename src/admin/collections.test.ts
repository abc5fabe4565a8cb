import { kinds } from "../control/kinds.ts";
import { describeKind } from "./collections.contract.ts";

for (const kind of kinds) describeKind(kind);
