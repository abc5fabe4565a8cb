/** What `route_type` demands of the rest of the config. */
import type { OptionFault } from "../../util/option-rules.ts";
import type { AiProxyAdvancedConfig } from "./config.ts";
import type { RouteType } from "./target-options.ts";

type Category = AiProxyAdvancedConfig["genai_category"];

/** Route type → the category it belongs to; undefined where any will do. */
const categoryOf: { readonly [Type in RouteType]: Category | undefined } = {
  "audio/v1/audio/speech": "audio/speech",
  "audio/v1/audio/transcriptions": "audio/transcription",
  "audio/v1/audio/translations": "audio/transcription",
  "image/v1/images/edits": "image/generation",
  "image/v1/images/generations": "image/generation",
  "llm/v1/assistants": "text/generation",
  "llm/v1/batches": undefined,
  "llm/v1/chat": "text/generation",
  "llm/v1/completions": "text/generation",
  "llm/v1/embeddings": "text/embeddings",
  "llm/v1/files": undefined,
  "llm/v1/responses": "text/generation",
  preserve: undefined,
  "realtime/v1/realtime": "realtime/generation",
  "video/v1/videos/generations": "video/generation",
};

/** Route types whose requests name no model, so that there is none to put into the header. */
const withoutModel: readonly RouteType[] = ["llm/v1/assistants", "llm/v1/batches", "llm/v1/files"];

export function checkCategory({
  genai_category: category,
  targets,
}: AiProxyAdvancedConfig): readonly OptionFault[] {
  return targets.flatMap(({ route_type: routeType }, index) => {
    const expected = categoryOf[routeType];
    if (expected === undefined || expected === category) return [];
    const message = `route_type ${routeType} belongs to genai_category ${expected}, but genai_category is ${category}`;
    return [{ path: ["targets", index, "route_type"], message }];
  });
}

export function checkModelHeader({
  model_name_header: hasHeader,
  targets,
}: AiProxyAdvancedConfig): readonly OptionFault[] {
  if (!hasHeader) return [];
  return targets.flatMap(({ model, route_type: routeType }, index) => {
    if (!withoutModel.includes(routeType) || model.name !== undefined) return [];
    const message = `must set 'model.name', or model_name_header to false, when route_type is ${routeType}`;
    return [{ path: ["targets", index, "model", "name"], message }];
  });
}
