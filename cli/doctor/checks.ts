import type { Check } from "./check.ts";
import { GOOGLE_CLOUD } from "./google-cloud.ts";
import { OTHER_SERVICES } from "./other-services.ts";
import { THIS_MACHINE } from "./this-machine.ts";

export const CHECKS: Readonly<Record<string, Check>> = {
  ...THIS_MACHINE,
  ...GOOGLE_CLOUD,
  ...OTHER_SERVICES,
};
