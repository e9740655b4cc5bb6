/** The options that every command takes. */
export interface CommonOptions {
  readonly json?: true;
  readonly dataDir?: string;
}

export type SetExitCode = (code: number) => void;
