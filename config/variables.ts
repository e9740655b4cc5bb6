import { z } from "zod";
import { batch } from "./variables/batch.ts";
import { dispatch } from "./variables/dispatch.ts";
import { hosting } from "./variables/hosting.ts";
import { http } from "./variables/http.ts";
import { insight } from "./variables/insight.ts";
import { mail } from "./variables/mail.ts";
import { model } from "./variables/model.ts";
import { place } from "./variables/place.ts";
import { research } from "./variables/research.ts";
import { storage } from "./variables/storage.ts";

/** Every environment variable, with its default. */
export const variables = z.object({
  ...place,
  ...hosting,
  ...mail,
  ...insight,
  ...http,
  ...storage,
  ...batch,
  ...model,
  ...research,
  ...dispatch,
});
export type Environment = z.infer<typeof variables>;
