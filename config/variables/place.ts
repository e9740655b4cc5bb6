import { z } from "zod";

/** Where runs and files are kept, and which daemon the command line asks. */
export const place = {
  HAYSTACK_DATA_DIR: z
    .string()
    .default("haystack-data")
    .describe("Folder of the embedded store, objects, jobs and mails"),
  HAYSTACK_SERVER: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Server that the commands about runs talk to; the store of this machine when unset"),
  HAYSTACK_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]+$/, "a token has no spaces")
    .optional()
    .describe("Token for that server"),
  HAYSTACK_INSECURE_HTTP: z
    .stringbool()
    .default(false)
    .describe("The token may go unencrypted to another machine"),
  MONGODB_URI: z
    .string()
    .optional()
    .describe("MongoDB that several daemons share; an SQLite file in the data folder when unset"),
  MONGODB_DATABASE: z.string().default("haystack").describe("Database of the runs in MongoDB"),
  DAEMON_ID: z
    .string()
    .optional()
    .describe(
      "Name that a daemon keeps over restarts, unique among those that share a MongoDB: its runs go on at once after a restart",
    ),
};
