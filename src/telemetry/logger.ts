/** What the program tells its operator about itself; access records have their own way (sinks). */

export interface Logger {
  debug(message: string, facts?: Facts): void;
  info(message: string, facts?: Facts): void;
  warn(message: string, facts?: Facts): void;
  error(message: string, facts?: Facts): void;
}

export type Facts = Readonly<Record<string, unknown>>;

/** The levels in order; a logger passes its own and those after it. */
export const logLevels = ["debug", "info", "warn", "error"] as const;

export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** For people rather than for machines. */
  readonly pretty: boolean;
  readonly write: (text: string) => void;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}

export function createLogger(options: LoggerOptions): Logger {
  const { pretty, write, wallClock } = options;
  const lowest = logLevels.indexOf(options.level);
  const at = (level: LogLevel) => {
    if (logLevels.indexOf(level) < lowest) return () => undefined;
    return (message: string, facts: Facts = {}) => {
      const time = new Date(wallClock()).toISOString();
      write(
        pretty
          ? prettyLine(level, message, facts)
          : `${JSON.stringify({ time, level, message, ...facts })}\n`,
      );
    };
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function prettyLine(level: LogLevel, message: string, facts: Facts): string {
  const details = Object.entries(facts).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return `${[level === "info" ? "" : `${level}:`, message, ...details].filter((part) => part !== "").join(" ")}\n`;
}
