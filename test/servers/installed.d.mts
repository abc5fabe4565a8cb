export type ServerName = "redis" | "redis-stack" | "valkey" | "postgres";
export declare const serverNames: readonly ServerName[];

export interface Installed {
  /** Folder of the server's files. */
  readonly root: string;
  /** Path of the server's program. */
  readonly program: string;
  readonly version: string;
}

export interface NotInstalled {
  /** Why. */
  readonly unavailable: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export declare function isUpToDate(env?: Environment): boolean;
export declare function installed(name: ServerName, env?: Environment): Installed | NotInstalled;
export declare function install(options?: { timeoutMs?: number; env?: Environment }): Promise<void>;
