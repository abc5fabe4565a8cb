/** The simulator's own endpoints: health, what it received, and how it is to behave. Everything is JSON. */
import type { Journal } from "./journal.ts";
import { type BehaviourRules, parseRule } from "./rules.ts";

interface ControlReply {
  readonly status: number;
  readonly body?: object;
}

interface Controls {
  readonly journal: Journal;
  readonly rules: BehaviourRules;
}

type Control = (controls: Controls, body: unknown) => ControlReply;

const controls: Readonly<Record<string, Control>> = {
  "GET /healthz": () => ({ status: 200, body: { status: "ok" } }),
  "GET /_sluice/received": ({ journal }) => ({
    status: 200,
    body: {
      warning: "This is a test double: credentials are shown as they were received.",
      requests: journal.entries(),
    },
  }),
  "DELETE /_sluice/received": ({ journal }) => {
    journal.clear();
    return { status: 204 };
  },
  "GET /_sluice/behaviour": ({ rules }) => ({ status: 200, body: { rules: rules.list() } }),
  "POST /_sluice/behaviour": ({ rules }, body) => {
    const rule = parseRule(body);
    rules.add(rule);
    return { status: 201, body: rule };
  },
  "DELETE /_sluice/behaviour": ({ rules }) => {
    rules.clear();
    return { status: 204 };
  },
};

/** Whether a path is the simulator's own. */
export function isControlPath(path: string): boolean {
  return path === "/healthz" || path.startsWith("/_sluice/");
}

/** Answers a request on one of the simulator's own paths; a bad body gets a 400 that says what is wrong. */
export function control(method: string, path: string, body: unknown, parts: Controls): ControlReply {
  const key = `${method} ${path}`;
  const answer = Object.hasOwn(controls, key) ? controls[key] : undefined;
  if (answer === undefined) {
    return {
      status: 404,
      body: { message: `no ${key} here: there are ${Object.keys(controls).join(", ")}` },
    };
  }
  try {
    return answer(parts, body);
  } catch (error) {
    if (error instanceof TypeError) return { status: 400, body: { message: error.message } };
    throw error;
  }
}
