/** Requests to the admin API of a gateway in another process, as `curl` would send them. */
import { request } from "undici";

export interface AdminReply {
  readonly status: number;
  /** The parsed text, of which the test says what it expects in it; undefined where there is none. */
  readonly body: ReturnType<typeof JSON.parse>;
}

export type AdminClient = (
  line: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<AdminReply>;

/** `admin("POST /services", { host: "a" })`; a text is sent as YAML. `always`: headers of every request. */
export function adminClient(base = "", always: Readonly<Record<string, string>> = {}): AdminClient {
  return async (line, body, headers = {}) => {
    const [method = "", path = ""] = line.split(" ");
    const isText = typeof body === "string";
    const answer = await request(`${base}${path}`, {
      method: method as "POST", // undici's type lists the methods
      headers: { "content-type": isText ? "text/yaml" : "application/json", ...always, ...headers },
      body: body === undefined ? null : isText ? body : JSON.stringify(body),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, body: text === "" ? undefined : JSON.parse(text) };
  };
}
