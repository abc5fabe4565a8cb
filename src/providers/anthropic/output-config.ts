/** `response_format` and `reasoning_effort` → `output_config`. */
import type { ChatRequest } from "../../llm/chat.ts";
import { isJsonObject, type JsonObject } from "../../llm/json.ts";
import { readText } from "../wire.ts";
import type { Warnings } from "./content.ts";
import type { ModelFacts } from "./models.ts";
import { toOutputSchema } from "./output-schema.ts";

export interface OutputConfig {
  readonly fields: JsonObject;
  /** To be added to the system prompt, where the vendor has no setting for it. */
  readonly instruction: string | undefined;
}

/**
 * `response_format` and `reasoning_effort` → `output_config` (structured outputs and effort guides). Thinking is not
 * switched on by an effort: it forbids a temperature and forced tools, which the client may want; `thinking` passes.
 */
export function toOutputConfig(request: ChatRequest, facts: ModelFacts, warnings: Warnings): OutputConfig {
  const native = isJsonObject(request["output_config"]) ? request["output_config"] : {};
  const effort = toEffort(readText(request["reasoning_effort"]), facts, warnings);
  const { format, instruction } = toFormat(request["response_format"], facts, warnings);
  const config = { ...(effort !== undefined && { effort }), ...(format && { format }), ...native };
  return { fields: Object.keys(config).length > 0 ? { output_config: config } : {}, instruction };
}

/** For models that do not know the effort asked for. */
const nearestEffort: ReadonlyMap<string, string> = new Map([
  ["minimal", "low"],
  ["xhigh", "high"],
]);

function toEffort(asked: string | undefined, facts: ModelFacts, warnings: Warnings): string | undefined {
  if (asked === undefined || facts.efforts.includes(asked)) return asked;
  const nearest = nearestEffort.get(asked);
  if (nearest !== undefined && facts.efforts.includes(nearest)) {
    warnings.add(
      `reasoning_effort is sent as ${nearest}: this model's efforts are ${facts.efforts.join(", ")}`,
    );
    return nearest;
  }
  warnings.add("reasoning_effort is not sent: this model has no such effort");
  return undefined;
}

interface Format {
  readonly format?: JsonObject;
  readonly instruction?: string | undefined;
}

function toFormat(asked: unknown, facts: ModelFacts, warnings: Warnings): Format {
  const type = isJsonObject(asked) ? asked["type"] : undefined;
  if (!isJsonObject(asked) || type === "text") return {};
  const outer = asked["json_schema"];
  const schema = type === "json_schema" && isJsonObject(outer) ? outer["schema"] : undefined;
  if (type !== "json_object" && !isJsonObject(schema)) {
    warnings.add("response_format is not sent: it is neither json_object nor a json_schema with a schema");
    return {};
  }
  if (isJsonObject(schema) && facts.hasStructuredOutput) {
    return { format: { type: "json_schema", schema: toOutputSchema(schema, "response_format", warnings) } };
  }
  warnings.add("response_format is asked for in the system prompt only: the vendor cannot enforce it here");
  const ask = "Answer with one JSON object only, without any text or code fence around it.";
  return {
    instruction:
      schema === undefined ? ask : `${ask} It must match this JSON Schema: ${JSON.stringify(schema)}`,
  };
}
