import type { Command } from "commander";
import { redactor } from "../../config.ts";
import { readConfig } from "../configuration.ts";
import { toHaystackError } from "../../errors.ts";
import { problem } from "../doctor/check.ts";
import { print, table } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../common.ts";

const LONGEST_CHECK_MS = 60_000;

export function addDoctorCommand(program: Command, setExitCode: SetExitCode): void {
  program
    .command("doctor")
    .description("Check what is configured, reachable or missing, and say what to do.")
    .option(
      "--job",
      "also run a small job on Google Batch, as GPU jobs are run, and say which part fails (some minutes, a few cents)",
    )
    .action(async (options: CommonOptions & { readonly job?: boolean }) => {
      const { CHECKS } = await import("../doctor/checks.ts");
      const config = readConfig(options.dataDir);
      const redact = redactor(config);
      const signal = AbortSignal.timeout(LONGEST_CHECK_MS);
      const findings = await Promise.all(
        Object.entries(CHECKS).map(async ([what, check]) => {
          const { state, finding } = await check(config, signal).catch((thrown: unknown) =>
            problem(toHaystackError(thrown).message),
          );
          return { what, state, finding: redact(finding) };
        }),
      );
      if (options.job === true) {
        const { trialFindings } = await import("../doctor/trial-job.ts");
        for (const { what, finding } of await trialFindings(config))
          findings.push({ what, state: finding.state, finding: redact(finding.finding) });
      }
      print(
        options.json === true,
        { findings },
        table(
          ["", "", "finding"],
          findings.map(({ what, state, finding }) => [what, state, finding]),
        ),
      );
      if (findings.some(({ state }) => state === "problem")) setExitCode(1);
    });
}
