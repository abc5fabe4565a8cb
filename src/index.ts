/** What a program that embeds Sluice may import; everything else may change without notice. */

export { createRuntime, type Runtime } from "./commands/runtime.ts";
export type { Config } from "./config/config.ts";
export { formatProblem, type LoadOptions, type LoadResult, loadConfig, type Problem } from "./config/load.ts";
export { type Gateway, type GatewayOptions, startGateway } from "./gateway.ts";
export { plugins } from "./plugins/index.ts";
export type { SimulatorOptions } from "./simulator/options.ts";
export { type Simulator, startSimulator } from "./simulator/simulator.ts";
export type { AccessRecord } from "./telemetry/access-record.ts";
export { createLogger, type Logger } from "./telemetry/logger.ts";
export { createMetrics, type Metrics } from "./telemetry/metrics.ts";
export { createJsonSink, type Sink } from "./telemetry/sinks.ts";
