import { haystack } from "./command-line.ts";
import { temporaryFolder } from "./hosted-runs.ts";

export interface Diagnosis {
  readonly code: number | null;
  readonly stdout: string;
  /** State and finding of each part. */
  readonly found: Readonly<Record<string, readonly [state: string, finding: string] | undefined>>;
}

/** What `haystack doctor` says of a configuration, in a data folder of its own. */
export async function doctor(
  env: Readonly<Record<string, string>>,
  ...options: readonly string[]
): Promise<Diagnosis> {
  const { code, stdout } = await haystack(
    ["doctor", "--json", "--data-dir", await temporaryFolder(), ...options],
    { env },
  );
  const { findings } = JSON.parse(stdout) as {
    findings: { what: string; state: string; finding: string }[];
  };
  return {
    code,
    stdout,
    found: Object.fromEntries(
      findings.map(({ what, state, finding }) => [what, [state, finding] as const]),
    ),
  };
}
