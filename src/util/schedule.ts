/** Timers as a value, so that tests own time. */

/** Runs `action` once after `delayMs`; the returned function cancels it and may be called at any time. */
export type Schedule = (delayMs: number, action: () => void) => () => void;

/** The machine's timers. They do not keep the process alive. */
export const systemSchedule: Schedule = (delayMs, action) => {
  const timer = setTimeout(action, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
};
