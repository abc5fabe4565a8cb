/** The client's headers, query and captures under one roof, for templates and credentials: as a vendor may see them. */
import type { Exchange } from "../http/exchange.ts";
import type { TemplateSource } from "./template.ts";

export type ClientView = TemplateSource;

/** Reads lazily: the query is parsed only when somebody asks for a parameter. */
export function clientView(exchange: Exchange): ClientView {
  const { headers, query } = exchange.onward.toVendor;
  let parameters: URLSearchParams | undefined;
  return {
    header: (name) => {
      const value = headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    query: (name) => {
      parameters ??= new URLSearchParams(query);
      return parameters.get(name) ?? undefined;
    },
    capture: (name) => exchange.route?.uriCaptures[name],
  };
}
