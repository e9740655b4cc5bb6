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
  SIGNED_URL_SECONDS: whole(60, 604_800)
    .default(3_600)
    .describe("Lifetime of signed links to results, in seconds"),
  GCS_ENDPOINT: address().optional().describe("Cloud Storage emulator, such as http://host:port"),
};
