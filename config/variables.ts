import { z } from "zod";
import "../zod-words.ts";
import { batch } from "./variables/batch.ts";
import { ceilings } from "./variables/ceilings.ts";
import { dispatch } from "./variables/dispatch.ts";
import { hosting } from "./variables/hosting.ts";
import { http } from "./variables/http.ts";
import { insight } from "./variables/insight.ts";
import { mail } from "./variables/mail.ts";
import { model } from "./variables/model.ts";
import { place } from "./variables/place.ts";
import { research } from "./variables/research.ts";
import { retention } from "./variables/retention.ts";
import { storage } from "./variables/storage.ts";

/** Every environment variable, with its default. */
export const variables = z.object({
  ...place,
  ...hosting,
  ...ceilings,
  ...retention,
  ...mail,
  ...insight,
  ...http,
  ...storage,
  ...batch,
  ...model,
  ...research,
  ...dispatch,
});

const section = (title: string, shape: object) => ({ title, names: new Set(Object.keys(shape)) });

/** The variables as people look for them. */
export const SECTIONS: readonly { readonly title: string; readonly names: ReadonlySet<string> }[] =
  [
    section("Where runs and files are", place),
    section("Hosting runs and predicting on this machine", hosting),
    section("The most that users may ask for", ceilings),
    section("How long runs are kept", retention),
    section("Language model", model),
    section("Literature and genes", research),
    section("Mail", mail),
    section("HTTP and who may use it", http),
    section("Cloud Storage", storage),
    section("GPU jobs on Google Batch", batch),
    section("Runs as jobs on Google Batch", dispatch),
    section("Metrics, logs and traces", insight),
  ];
export type Environment = z.infer<typeof variables>;
