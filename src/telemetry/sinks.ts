/** Where access records go. */
import type { AccessRecord } from "./access-record.ts";

export interface Sink {
  /** Takes a record without waiting and without throwing. */
  write(record: AccessRecord): void;
  /** Resolves when everything taken has been handed over. */
  close(): Promise<void>;
}

/** The part of a writable stream a sink needs. */
export interface LineWriter {
  write(text: string, done: () => void): unknown;
}

/** Lines that may wait for a slow reader; beyond that records are dropped and counted rather than held without bound. */
const maxWaitingBytes = 16 * 1024 * 1024;

/**
 * One JSON object a line. Lines of one turn of the event loop are written together: a write for each would cost
 * more than building the record.
 */
export function createJsonSink(out: LineWriter, onDropped: (count: number) => void): Sink {
  return createLineSink(out, (record) => `${JSON.stringify(record)}\n`, onDropped);
}

/** One line for people. */
export function createPrettySink(out: LineWriter, onDropped: (count: number) => void): Sink {
  return createLineSink(out, prettyLine, onDropped);
}

function createLineSink(
  out: LineWriter,
  format: (record: AccessRecord) => string,
  onDropped: (count: number) => void,
): Sink {
  let lines = "";
  let isScheduled = false;
  let unwritten = 0;
  let dropped = 0;
  let onIdle: (() => void) | undefined;

  const flush = () => {
    isScheduled = false;
    const text = lines;
    lines = "";
    if (text === "") return;
    unwritten += text.length;
    out.write(text, () => {
      unwritten -= text.length;
      if (unwritten === 0) onIdle?.();
      if (dropped > 0 && unwritten === 0) {
        onDropped(dropped);
        dropped = 0;
      }
    });
  };
  return {
    write(record) {
      if (unwritten + lines.length > maxWaitingBytes) {
        dropped++;
        return;
      }
      lines += format(record);
      if (isScheduled) return;
      isScheduled = true;
      setImmediate(flush);
    },
    async close() {
      flush();
      if (unwritten === 0) return;
      await new Promise<void>((resolve) => {
        onIdle = resolve;
      });
    },
  };
}

function prettyLine(record: AccessRecord): string {
  const { request, response, latencies } = record;
  const ai = record.ai?.proxy;
  const parts = [
    new Date(record.started_at).toISOString().slice(11, 23),
    request.method,
    request.uri,
    String(response.status),
    `${Math.round(latencies.request)} ms`,
  ];
  if (ai?.meta.provider_name !== undefined)
    parts.push(`→ ${ai.meta.provider_name}/${ai.meta.request_model ?? "?"}`);
  const nearest = ai?.routing?.groups[0];
  if (ai?.routing !== undefined)
    parts.push(
      nearest === undefined ? ai.routing.reason : `${ai.routing.reason} at ${nearest.distance.toFixed(3)}`,
    );
  if (ai?.usage !== undefined) {
    const cost = ai.usage.cost_known ? `$${ai.usage.cost.toFixed(6)}` : "cost unknown";
    parts.push(`${ai.usage.prompt_tokens}+${ai.usage.completion_tokens} tokens`, cost);
  }
  if (record.error !== undefined) parts.push(`(${record.error})`);
  return `${parts.join("  ")}\n`;
}
