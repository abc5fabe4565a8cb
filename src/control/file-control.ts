/** A control plane over a file: it shows what the file has, and takes another file in its place. */
import type { LoadedEntity, Problem } from "../config/load.ts";
import type { PluginDefinition } from "../plugins/plugin.ts";
import type { Asker, ControlPlane } from "./control-plane.ts";
import { entitiesOf } from "./document.ts";
import { EntitySet } from "./entity-set.ts";
import { hashOf, hashOfText } from "./hash.ts";
import { createPluginSchemas } from "./plugin-schemas.ts";
import { notCarriedOut, Refusal, schemaViolation } from "./refusal.ts";

export interface LoadedFile {
  /** Undefined where there is no file yet. */
  readonly text: string | undefined;
  readonly entities: () => readonly LoadedEntity[];
}

export interface FileControlOptions {
  readonly path: string;
  readonly plugins: readonly PluginDefinition[];
  readonly wallClock: () => number;
  /** Has the gateway take a text in place of the file. Rejects with `UntakeableError` where the text is wrong. */
  readonly take: (asker: Asker, text: string) => Promise<void>;
}

/** A text that the gateway cannot take. */
export class UntakeableError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super("the text is no configuration that can be served");
    this.problems = problems;
  }
}

export interface FileControl extends ControlPlane {
  /** What runs now. */
  show(file: LoadedFile): void;
}

export function createFileControl({ path, plugins, take, wallClock }: FileControlOptions): FileControl {
  const schemas = createPluginSchemas(plugins);
  // Most gateways are never asked, so nothing is made until one is.
  let make = () => EntitySet.empty;
  let made: EntitySet | undefined;
  let text: string | undefined;
  const entities = () => {
    made ??= make();
    return made;
  };

  return {
    isWritable: false,
    place: path,
    fault: undefined,
    outage: undefined,
    get entities() {
      return entities();
    },
    get hash() {
      return text === undefined ? hashOf(entities()) : hashOfText(text);
    },
    show(file) {
      const loadedAt = Math.floor(wallClock() / 1000);
      make = () => entitiesOf(file.entities(), schemas, loadedAt);
      made = undefined;
      text = file.text;
    },
    change: () =>
      Promise.reject(
        new Refusal(
          "unsupported",
          "cannot create, change or delete entities when not using a database: change the file, or POST /config",
        ),
      ),
    async replaceAll(asker, text) {
      try {
        await take(asker, text);
      } catch (error) {
        // A good file may still not be taken, by workers that are being replaced, say.
        if (!(error instanceof UntakeableError)) throw notCarriedOut("nothing was changed", error);
        throw declarativeError(error.problems);
      }
    },
    audit: () => Promise.resolve([]),
  };
}

/** Every error with its path; lines are those of the text that was sent. */
function declarativeError(problems: readonly Problem[]): Refusal {
  const faults = problems
    .filter(({ severity }) => severity === "error")
    .map(({ column, line, message, steps }) => ({ path: steps, message: `${message} (${line}:${column})` }));
  const { fields, message } = schemaViolation(faults);
  return new Refusal("declarative", `declarative config is invalid: ${message}`, fields);
}
