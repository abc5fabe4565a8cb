/** The process's environment, for libraries that take a setting from nowhere else. */

/** Sets a variable of this process, and of those it starts, unless it is set already. */
export function presetVariable(name: string, value: string): void {
  process.env[name] ??= value;
}
