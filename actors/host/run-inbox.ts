import type { RunEvent } from "../../machines/run-types.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { InboxEvent } from "../../services/runs/index.ts";
import { MAIL_REQUESTED } from "../mail/requested.ts";
import type { RunCommits } from "./run-commits.ts";
import type { RunLifeHolder, RunLifeState } from "./run-life.ts";
import { oweAgain } from "./run-record.ts";

/**
 * What the events of its inbox do to a run (D5).
 *
 * Owns: which events are consumed, by the state of the run's life, and that each is so once.
 * Does not own: storing them (the event router's), the commit that consumes them.
 */
export interface RunInbox {
  deliver(event: InboxEvent): void;
}

type Kind = "revival" | "mail" | "other";

/** What starts the machine of a broken run again, from its last good snapshot. */
const REVIVALS: ReadonlySet<string> = new Set(["retry.requested", "cancel.requested"]);

const kindOf = (type: string): Kind => {
  if (type === MAIL_REQUESTED) return "mail";
  return REVIVALS.has(type) ? "revival" : "other";
};

/**
 * `take`: consumed, and the machine has it if it runs. `start`: the machine is started first.
 * `keep`: it stays in the inbox, for the next host or for a release that can read the run.
 */
const READINGS: Readonly<Record<RunLifeState, Readonly<Record<Kind, "take" | "start" | "keep">>>> =
  {
    starting: { revival: "take", mail: "take", other: "take" },
    live: { revival: "take", mail: "take", other: "take" },
    parked: { revival: "start", mail: "take", other: "take" },
    broken: { revival: "keep", mail: "take", other: "take" },
    refused: { revival: "take", mail: "take", other: "take" },
    unreadable: { revival: "keep", mail: "take", other: "keep" },
    stopped: { revival: "keep", mail: "keep", other: "keep" },
  };

export interface RunInboxOptions {
  readonly life: RunLifeHolder;
  readonly commits: RunCommits;
  readonly clock: Clock;
  readonly start: () => void;
  readonly send: (event: RunEvent) => void;
}

export function createRunInbox({ life, commits, clock, start, send }: RunInboxOptions): RunInbox {
  const seen = new Set<string>();
  return {
    deliver({ id, event }) {
      const kind = kindOf(event.type);
      const reading = READINGS[life.state][kind];
      if (reading === "keep" || seen.has(id)) return;
      if (reading === "start") start();
      seen.add(id);
      commits.consume(id);
      if (kind === "mail")
        void commits.changeOutbox((outbox) => oweAgain(outbox, String(event["key"]), clock.now()));
      else send(event as RunEvent);
      commits.changed();
    },
  };
}
