import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeWith, placeOf } from "../support/describe-with.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { TERRAFORM_PROVIDERS } from "../support/real-parts.ts";
import { faultsIn, readModule } from "../support/terraform.ts";

const FOLDER = "deploy/terraform";

/** The module with one text in place of another. */
async function changed(file: string, from: string, to: string): Promise<string> {
  const folder = await temporaryFolder();
  await cp(FOLDER, folder, { recursive: true });
  const text = await readFile(join(folder, file), "utf8");
  expect(text).toContain(from);
  await writeFile(join(folder, file), text.replace(from, to));
  return folder;
}

describeWith(TERRAFORM_PROVIDERS)("the resources of the Terraform module", () => {
  const faults = async (folder: string): Promise<readonly string[]> =>
    faultsIn((await readModule(folder)).resources, placeOf(TERRAFORM_PROVIDERS));

  test("have the arguments that Google's providers take", async () => {
    expect((await readModule(FOLDER)).resources.length).toBeGreaterThan(30);
    expect(await faults(FOLDER)).toEqual([]);
  });

  test.each([
    [
      "a resource that is none",
      "events.tf",
      '"google_pubsub_topic" "jobs"',
      '"google_pubsub_topics" "jobs"',
      /^google_pubsub_topics\.jobs: there is no such resource$/,
    ],
    [
      "an argument that is none",
      "network.tf",
      "private_ip_google_access",
      "private_google_access",
      /private_google_access: there is no such argument$/,
    ],
    [
      "a missing argument",
      "storage.tf",
      '  format        = "DOCKER"\n',
      "",
      /^google_artifact_registry_repository\.images: lacks format$/,
    ],
    [
      "a missing argument of a block",
      "storage.tf",
      "retention_duration_seconds",
      "retention",
      /soft_delete_policy\.retention: there is no such argument$/,
    ],
    [
      "a number as text",
      "daemon.tf",
      "min_instance_count = 1",
      'min_instance_count = "one"',
      /scaling\.min_instance_count: has to be number$/,
    ],
    [
      "an argument for a block",
      "network.tf",
      "log_config {",
      "log_config = {",
      /log_config: has to be a block$/,
    ],
    [
      "a fault in a block that is made for each",
      "budget.tf",
      "threshold_percent = threshold_rules.value",
      "percent = threshold_rules.value",
      /threshold_rules: lacks threshold_percent$/,
    ],
    [
      "a resource of the other provider",
      "daemon.tf",
      "  provider            = google-beta\n",
      "",
      /^google_cloud_run_v2_service\.daemon\.iap_enabled: there is no such argument$/,
    ],
  ])("%s is noticed", async (_, file, from, to, fault) => {
    expect(await faults(await changed(file, from, to))).toContainEqual(
      expect.stringMatching(fault),
    );
  });
});
