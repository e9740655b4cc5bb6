import { z } from "zod";
import { whole } from "../forms.ts";

/** Objects in Google Cloud Storage. */
export const storage = {
  GCS_BUCKET: z
    .string()
    .optional()
    .describe("Cloud Storage bucket of the objects; a folder in the data folder if unset"),
  GCS_PREFIX: z.string().default("").describe("Folder in the bucket"),
  GCS_CACHE_GB: z.coerce
    .number()
    .min(0.1)
    .max(10_000)
    .default(20)
    .describe("Size of the local object cache, in GB"),
  SIGNED_URL_SECONDS: whole(60, 604_800)
    .default(3_600)
    .describe("Lifetime of signed links to results, in seconds"),
  GCS_ENDPOINT: z.url().optional().describe("Cloud Storage emulator, such as http://host:port"),
};
