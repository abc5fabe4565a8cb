/** How a simulator is started: by code (`SimulatorOptions`) or by command line (`simulatorFlags`). */
import { type Behaviour, type KnobName, kebabName, knobNames, knobs, parseKnob } from "./behaviour.ts";
import type { ReceivedRequest } from "./journal.ts";

/** What a request was answered with, as far as it was put on the wire. */
export interface SentAnswer {
  readonly request: ReceivedRequest;
  /** Bytes of the body, as text. */
  readonly text: string;
}

export interface SimulatorOptions {
  /** Milliseconds since 1970; the caller's clock. */
  readonly now: () => number;
  /** Numbers in [0, 1) for jitter and `failRate`. Default: seeded by `seed`. */
  readonly random?: () => number;
  /** Resolves after so many milliseconds, rejects when the signal is aborted. Default: a timer. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default 127.0.0.1. What the simulator has received can be read by anyone who reaches it. */
  readonly host?: string;
  /** Answers, ids, jitter and failures follow from it. Default 1. */
  readonly seed?: number;
  /** The only key that is let in. Absent: every key, also none. */
  readonly apiKey?: string;
  /** A unit vector for a text. Absent: embedding requests get a 404. */
  readonly embed?: (text: string) => Float32Array;
  /** What `GET /v1/models` lists; requests may name any other. */
  readonly models?: readonly string[];
  /** Answers name the model with a date (`gpt-4o-2026-01-15`). Default false. */
  readonly datedModels?: boolean;
  /** How every request is answered, unless the script, a rule or a header says otherwise. */
  readonly behaviour?: Behaviour;
  /** A behaviour for one request; over `behaviour`, under rules and headers. Credentials are in the request as received. */
  readonly script?: (request: ReceivedRequest) => Behaviour | undefined;
  /** Told what each answer put on the wire, whole or not, once it is over: what a vendor would bill. */
  readonly onAnswer?: (answer: SentAnswer) => void;
  /**
   * For benchmarks: chat and message requests get one prepared answer of 1 KB, or one of 50 content chunks, without a
   * look at what was asked. Nothing is checked or recorded, and of `behaviour` only the two times hold.
   */
  readonly fast?: boolean;
}

export const defaultModels: readonly string[] = [
  "gpt-4o",
  "gpt-4o-mini",
  "gpt-3.5-turbo",
  "claude-sonnet-4-5",
  "claude-haiku-4-5",
  "text-embedding-3-small",
  "text-embedding-3-large",
  "text-embedding-ada-002",
];

interface SimulatorFlag {
  /** Without the dashes. */
  readonly name: string;
  readonly type: "text" | "number" | "boolean";
  readonly default?: string | number | boolean;
  readonly description: string;
}

const defaultPort = 8090;
const defaultSeed = 1;
const defaultHost = "127.0.0.1";

const ownFlags: readonly SimulatorFlag[] = [
  {
    name: "port",
    type: "number",
    default: defaultPort,
    description: "port to listen on; 0 takes a free one",
  },
  { name: "host", type: "text", default: defaultHost, description: "address to listen on" },
  {
    name: "seed",
    type: "number",
    default: defaultSeed,
    description: "answers, jitter and failures follow from it",
  },
  { name: "api-key", type: "text", description: "the only key that is let in; without it every key is" },
  {
    name: "dated-models",
    type: "boolean",
    default: false,
    description: "answers name the model with a date",
  },
  {
    name: "fast",
    type: "boolean",
    default: false,
    description: "prepared answers for benchmarks, nothing checked or recorded",
  },
];

/** Every flag of `sluice simulate`: its own, then one for each knob. */
export const simulatorFlags: readonly SimulatorFlag[] = [
  ...ownFlags,
  ...knobNames.map(
    (name): SimulatorFlag => ({
      name: kebabName(name),
      type: flagType(name),
      description: knobs[name].summary,
    }),
  ),
];

function flagType(name: KnobName): SimulatorFlag["type"] {
  const { kind } = knobs[name];
  return kind === "integer" ? "number" : kind;
}

/** The options that flags can set; the caller adds the clock and the embedder. */
type FlagOptions = Pick<
  SimulatorOptions,
  "port" | "host" | "seed" | "apiKey" | "datedModels" | "fast" | "behaviour"
>;

/**
 * Reads flags as a command-line parser hands them over (texts, or true for a flag without a value). Throws a
 * `TypeError` that names the flag, what was found and what it takes.
 */
export function readSimulatorFlags(
  values: Readonly<Record<string, string | boolean | undefined>>,
): FlagOptions {
  for (const name of Object.keys(values)) {
    if (!simulatorFlags.some((flag) => flag.name === name)) throw new TypeError(`unknown flag --${name}`);
  }
  const apiKey = values["api-key"];
  return {
    port: wholeFlag(values["port"], "port", defaultPort, 65_535),
    host: String(values["host"] ?? defaultHost),
    seed: wholeFlag(values["seed"], "seed", defaultSeed, 0xffff_ffff),
    datedModels: values["dated-models"] === true,
    fast: values["fast"] === true,
    behaviour: Object.fromEntries(knobNames.flatMap((name) => knobFlag(values[kebabName(name)], name))),
    ...(apiKey === undefined ? {} : { apiKey: String(apiKey) }),
  };
}

function knobFlag(
  value: string | boolean | undefined,
  name: KnobName,
): [string, string | number | boolean][] {
  if (value === undefined) return [];
  return [[name, parseKnob(name, String(value))]];
}

function wholeFlag(text: string | boolean | undefined, name: string, fallback: number, max: number): number {
  if (text === undefined) return fallback;
  const value = typeof text === "string" && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value <= max) return value;
  throw new TypeError(`flag --${name} takes a whole number from 0 to ${max}, not ${JSON.stringify(text)}`);
}
