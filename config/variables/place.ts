import { address, anyText, flag } from "../forms.ts";

/** Where runs and files are kept, and which daemon the command line asks. */
export const place = {
  HAYSTACK_DATA_DIR: anyText()
    .default("haystack-data")
    .describe("Folder of the embedded store, objects, jobs and mail"),
  HAYSTACK_SERVER: address({ protocol: /^https?$/ })
    .optional()
    .describe("Server that the run commands use; the store of this machine if unset"),
  HAYSTACK_TOKEN: anyText()
    .regex(/^[\x21-\x7e]+$/, "a token has no spaces")
    .optional()
    .describe("Token for HAYSTACK_SERVER"),
  HAYSTACK_INSECURE_HTTP: flag()
    .default(false)
    .describe("Allow the token to be sent unencrypted to another machine"),
  MONGODB_URI: anyText()
    .optional()
    .describe("MongoDB that daemons can share; an SQLite file in the data folder if unset"),
  MONGODB_DATABASE: anyText()
    .optional()
    .describe(
      "MongoDB database of the runs; that in the path of MONGODB_URI, or haystack, if unset",
    ),
  DAEMON_ID: anyText()
    .optional()
    .describe(
      "Name that a daemon keeps across restarts, so that its runs continue at once; unique among daemons that share a MongoDB",
    ),
};
