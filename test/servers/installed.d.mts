export type ServerName = "redis" | "redis-stack" | "valkey" | "postgres";
export declare const serverNames: readonly ServerName[];

/** Programs that are no servers. */
export type ToolName = "deck";
export declare const toolNames: readonly ToolName[];

export interface Installed {
  /** Folder of its files. */
  readonly root: string;
  /** Path of its program. */
  readonly program: string;
  readonly version: string;
}

export interface NotInstalled {
  /** Why. */
  readonly unavailable: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export declare function isUpToDate(env?: Environment): boolean;
export declare function installed(name: ServerName | ToolName, env?: Environment): Installed | NotInstalled;
export declare function currentDeck(env?: Environment): Pick<Installed, "program"> | NotInstalled;
export declare function install(options?: { timeoutMs?: number; env?: Environment }): Promise<void>;
