import { Command, Option } from "commander";
import { SOFTWARE } from "../software.ts";
import { addAtlasCommands } from "./commands/atlas.ts";
import { addCheckCommand } from "./commands/check.ts";
import { addBackupCommands } from "./commands/backup.ts";
import { addCompletionCommands } from "./commands/completion.ts";
import { addConfigCommand } from "./commands/config.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addExportCommands } from "./commands/export.ts";
import { addInspectRunCommands } from "./commands/inspect-run.ts";
import { addJobCommand } from "./commands/job.ts";
import { addKnowledgeCommands } from "./commands/knowledge.ts";
import { addQuarantineCommands } from "./commands/quarantine.ts";
import { addRemovalCommands } from "./commands/remove.ts";
import { addRunCommand } from "./commands/run.ts";
import { addRunsCommands } from "./commands/runs.ts";
import { addServeCommand } from "./commands/serve.ts";
import { addShareCommands } from "./commands/share.ts";
import { addSubmitCommand } from "./commands/submit.ts";
import { addTokenCommands } from "./commands/token.ts";
import { addValidateCommand } from "./commands/validate.ts";
import { addWishCommands } from "./commands/wishes.ts";
import { hint, say } from "./output.ts";
import type { SetExitCode } from "./common.ts";

/** The whole command line. Building it has no effect but the object itself. */
export function buildProgram(setExitCode: SetExitCode): Command {
  const program = new Command("haystack")
    .description(
      "Predict how cells respond to a perturbation and judge the prediction against known biology, in runs that survive crashes.",
    )
    .version(SOFTWARE.version)
    .exitOverride()
    // What is wrong is said where every error is.
    .configureOutput({ writeOut: say, writeErr: hint, outputError: () => undefined });
  addRunCommand(program, setExitCode);
  addCheckCommand(program, setExitCode);
  addSubmitCommand(program, setExitCode);
  addServeCommand(program, setExitCode);
  addJobCommand(program, setExitCode);
  addValidateCommand(program, setExitCode);
  addAtlasCommands(program);
  addKnowledgeCommands(program);
  addRunsCommands(program, setExitCode);
  addWishCommands(program, setExitCode);
  addShareCommands(program);
  addRemovalCommands(program);
  addInspectRunCommands(program);
  addQuarantineCommands(program);
  addTokenCommands(program);
  addBackupCommands(program);
  addExportCommands(program, setExitCode);
  addConfigCommand(program);
  addDoctorCommand(program, setExitCode);
  addCompletionCommands(program);
  for (const command of leaves(program)) {
    command
      .addOption(new Option("--json", "print one JSON document on stdout"))
      .addOption(
        new Option(
          "--data-dir <folder>",
          "folder of the embedded store, objects and mail (default: $HAYSTACK_DATA_DIR or ./haystack-data)",
        ),
      )
      .exitOverride();
  }
  return program;
}

const leaves = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
