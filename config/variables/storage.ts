import { z } from "zod";
import { address, anyText, whole } from "../forms.ts";

/** Objects in Google Cloud Storage. */
export const storage = {
  GCS_BUCKET: anyText()
    .optional()
    .describe("Cloud Storage bucket of the objects; a folder in the data folder if unset"),
  GCS_PREFIX: anyText().default("").describe("Folder in the bucket"),
  GCS_CACHE_GB: z.coerce
    .number()
    .min(0.1)
    .max(10_000)
    .default(20)
    .describe("Size of the local object cache, in GB"),
  GCS_USER_PROJECT: anyText()
    .regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, "must be the id of a project, such as my-project-1")
    .optional()
    .describe("Project that pays for requests to buckets whose requesters pay"),
  SIGNED_URL_SECONDS: whole(60, 43_200)
    .default(3_600)
    .describe(
      "Lifetime of signed links to results, in seconds; Google changes the keys that sign them, so not longer than twelve hours",
    ),
  GCS_ENDPOINT: address().optional().describe("Cloud Storage emulator, such as http://host:port"),
};
