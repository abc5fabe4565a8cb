/** The knobs of the simulator: one table from which the type, the headers, the flags and the checks are derived. */
import { isJsonObject } from "../llm/json.ts";

interface Knob {
  readonly kind: "number" | "integer" | "boolean" | "text";
  readonly min?: number;
  readonly max?: number;
  /** A fault is what `failRate` decides about; the other knobs always hold. */
  readonly fault?: true;
  readonly summary: string;
}

const anHourMs = 3_600_000;

export const knobs = {
  latencyMs: {
    kind: "number",
    min: 0,
    max: anHourMs,
    summary: "milliseconds before the first byte of the answer",
  },
  perTokenMs: {
    kind: "number",
    min: 0,
    max: anHourMs,
    summary: "milliseconds for each token of the answer; a whole answer waits for all of them",
  },
  jitter: {
    kind: "number",
    min: 0,
    max: 1,
    summary: "spreads every wait evenly by this share up and down, seeded",
  },
  failRate: {
    kind: "number",
    min: 0,
    max: 1,
    summary: "share of requests that the faults hit, seeded; with no fault named it means status 500",
  },
  status: {
    kind: "integer",
    min: 400,
    max: 599,
    fault: true,
    summary: "answers this error status with the vendor's error body",
  },
  retryAfterSeconds: {
    kind: "integer",
    min: 0,
    max: 86_400,
    summary: "Retry-After header of an error status; 1 with 429, 503 and 529 unless given",
  },
  resetBeforeHeaders: {
    kind: "boolean",
    fault: true,
    summary: "resets the connection (RST) instead of answering",
  },
  halfHeader: {
    kind: "boolean",
    fault: true,
    summary: "breaks off in the middle of the response head; with hang the connection stays open",
  },
  hang: { kind: "boolean", fault: true, summary: "never answers; the connection stays open" },
  emptyBody: { kind: "boolean", fault: true, summary: "answers 200 with nothing in the body" },
  badJson: {
    kind: "boolean",
    fault: true,
    summary: "cuts the JSON of a whole answer, or of the second event of a stream, in the middle",
  },
  cutAfterChunks: {
    kind: "integer",
    min: 0,
    fault: true,
    summary: "closes the connection after this many events of a stream",
  },
  cutAfterBytes: {
    kind: "integer",
    min: 0,
    fault: true,
    summary: "closes the connection after this many bytes of the body",
  },
  stallAfterChunks: {
    kind: "integer",
    min: 0,
    fault: true,
    summary: "goes silent after this many events of a stream; the connection stays open",
  },
  errorAfterChunks: {
    kind: "integer",
    min: 0,
    fault: true,
    summary: "sends the vendor's error event after this many events of a stream and ends",
  },
  noDone: {
    kind: "boolean",
    fault: true,
    summary: "ends a stream cleanly, but without its last event ([DONE], message_stop)",
  },
  noUsage: { kind: "boolean", fault: true, summary: "leaves the token counts out" },
  gzip: { kind: "boolean", summary: "compresses the answer, asked for or not" },
  chunkBytes: {
    kind: "integer",
    min: 1,
    summary: "sends the body in pieces of this many bytes, wherever that cuts",
  },
  content: { kind: "text", summary: "answers this text" },
  outputTokens: { kind: "integer", min: 1, max: 100_000, summary: "length of the answer before max_tokens" },
  cachedTokens: {
    kind: "integer",
    min: 0,
    summary: "tokens of the prompt reported as read from the prompt cache, at most all",
  },
  reasoningTokens: {
    kind: "integer",
    min: 0,
    max: 1_000_000,
    summary: "tokens reported as reasoning, on top of those of the answer",
  },
} as const satisfies Readonly<Record<string, Knob>>;

export type KnobName = keyof typeof knobs;

interface KnobValues {
  readonly number: number;
  readonly integer: number;
  readonly boolean: boolean;
  readonly text: string;
}

/** How a request is answered. A knob that is absent leaves things as a healthy vendor does them. */
export type Behaviour = { readonly [Name in KnobName]?: KnobValues[(typeof knobs)[Name]["kind"]] };

/** `Object.keys` forgets the names; the table is frozen by its type. */
export const knobNames = Object.keys(knobs) as readonly KnobName[];

/** Checks a behaviour from outside (JSON). Throws a `TypeError` that names the knob, what was found and what it takes. */
export function parseBehaviour(value: unknown): Behaviour {
  if (!isJsonObject(value)) throw new TypeError('a behaviour is an object of knobs, e.g. {"status": 503}');
  return Object.fromEntries(
    Object.entries(value).map(([name, setting]) => [name, checkKnob(knobNamed(name), name, setting)]),
  );
}

/** Reads a behaviour from `x-simulate-*` headers, e.g. `x-simulate-latency-ms: 50`. Throws as `parseBehaviour`. */
export function behaviourFromHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Behaviour {
  const behaviour: Record<string, unknown> = {};
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith("x-simulate-") || value === undefined) continue;
    const name = knobNames.find((knob) => `x-simulate-${kebabName(knob)}` === header);
    if (name === undefined) throw new TypeError(`unknown header "${header}": there are ${allHeaders()}`);
    behaviour[name] = parseKnob(name, String(value));
  }
  return behaviour;
}

/** Reads one knob from text (a header, a flag). An empty text or "true" sets a boolean. Throws as `parseBehaviour`. */
export function parseKnob(name: KnobName, text: string): string | number | boolean {
  const knob: Knob = knobs[name];
  if (knob.kind === "text") return text;
  if (knob.kind === "boolean") {
    const value = { "": true, true: true, false: false }[text.toLowerCase()];
    return checkKnob(knob, name, value ?? text);
  }
  return checkKnob(knob, name, text.trim() === "" ? text : Number(text));
}

/** Later ones win, knob by knob. */
export function mergeBehaviours(...behaviours: readonly (Behaviour | undefined)[]): Behaviour {
  return Object.assign({}, ...behaviours);
}

/** The behaviour with its faults, or without them where the draw says that this request is spared. */
export function drawFaults(behaviour: Behaviour, random: () => number): Behaviour {
  if (behaviour.failRate === undefined) return behaviour;
  if (random() >= behaviour.failRate) {
    return Object.fromEntries(Object.entries(behaviour).filter(([name]) => !isFault(name)));
  }
  return Object.keys(behaviour).some(isFault) ? behaviour : { ...behaviour, status: 500 };
}

/** `latencyMs` → `latency-ms`, as headers and flags have it. */
export function kebabName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function isFault(name: string): boolean {
  return knobNamed(name).fault === true;
}

function knobNamed(name: string): Knob {
  if (Object.hasOwn(knobs, name)) return knobs[name as KnobName]; // hasOwn has just shown it
  throw new TypeError(`unknown knob "${name}": there are ${knobNames.join(", ")}`);
}

function checkKnob(knob: Knob, name: string, value: unknown): string | number | boolean {
  if (knob.kind === "text" && typeof value === "string") return value;
  if (knob.kind === "boolean" && typeof value === "boolean") return value;
  if (typeof value === "number" && isWithin(knob, value)) return value;
  throw new TypeError(`knob "${name}" takes ${expectation(knob)}, not ${JSON.stringify(value)}`);
}

function isWithin(knob: Knob, value: number): boolean {
  const fits =
    knob.kind === "number" ? Number.isFinite(value) : knob.kind === "integer" && Number.isSafeInteger(value);
  return fits && value >= (knob.min ?? value) && value <= (knob.max ?? value);
}

function expectation(knob: Knob): string {
  if (knob.kind === "text") return "a text";
  if (knob.kind === "boolean") return "true or false";
  const noun = knob.kind === "integer" ? "a whole number" : "a number";
  return knob.max === undefined
    ? `${noun} of at least ${knob.min}`
    : `${noun} from ${knob.min} to ${knob.max}`;
}

function allHeaders(): string {
  return knobNames.map((name) => `x-simulate-${kebabName(name)}`).join(", ");
}
