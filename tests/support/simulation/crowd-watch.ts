import { BESIDE_CROWD, CROWD } from "./planned-runs.ts";
import type { DaemonProcess } from "./daemon-process.ts";

/** Whether many mails at once keep to the bound of a daemon, and let one of another user through. */
export interface CrowdWatch {
  /** The process knows that the user's run owes a mail from now on. */
  owes(process: DaemonProcess, user: string | null): void;
  /** The answer is called when the mail is under way no more. */
  mailBegins(process: DaemonProcess, user: string): () => void;
}

const MOST_AT_A_TIME = 16;
/** Those that are under way, and a few that stood before it. */
const MOST_BEFORE = 20;

export function crowdWatch(violated: (rule: string, what: string) => void): CrowdWatch {
  const underWay = new Map<DaemonProcess, number>();
  const waitsBehind = new Map<DaemonProcess, number>();
  return {
    owes(process, user) {
      if (user === BESIDE_CROWD && !waitsBehind.has(process)) waitsBehind.set(process, 0);
    },
    mailBegins(process, user) {
      const count = (underWay.get(process) ?? 0) + 1;
      underWay.set(process, count);
      if (count > MOST_AT_A_TIME)
        violated("crowd", `${process.name} sends ${count} mails at the same time`);
      const before = waitsBehind.get(process);
      if (user === CROWD && before !== undefined) waitsBehind.set(process, before + 1);
      if (user === BESIDE_CROWD && before !== undefined && before > MOST_BEFORE)
        violated("crowd", `a mail of another user waited behind ${before} of the crowd`);
      return () => void underWay.set(process, (underWay.get(process) ?? 1) - 1);
    },
  };
}
