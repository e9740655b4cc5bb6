import type { HaystackError } from "../../errors.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { MailService } from "../../services/mail/index.ts";
import type { FairQueue } from "../fair-queue.ts";
import { createBackground } from "../supervisor/background.ts";
import type { ComposeMail } from "./compose-mail.ts";
import { deliverMail } from "./mail-delivery.ts";
import type { Instruments } from "../instruments.ts";
import type { RunHost } from "../host/run-host.ts";
import { given } from "../../given.ts";

/** The mails of hosted runs: which are due, and which are under way. */
export interface OutboxSender {
  /** Mails go out once what owes them is durable (D2) and while the lease holds (D9). */
  sendOwed(host: RunHost): void;
  isSending(host: RunHost): boolean;
  /** A mail is due or under way. */
  owesNow(host: RunHost): boolean;
  /** Begins no more mails; resolves when what became of those under way is durable. */
  stop(): Promise<void>;
}

export interface OutboxSenderOptions {
  readonly service: MailService;
  readonly compose: ComposeMail;
  readonly tried: Instruments["mailTried"];
  readonly clock: Clock;
  readonly random: () => number;
  readonly queue: FairQueue;
  readonly onTrouble: (error: HaystackError) => void;
}

export function createOutboxSender({
  service,
  compose,
  tried,
  clock,
  random,
  queue,
  onTrouble,
}: OutboxSenderOptions): OutboxSender {
  const sending = new Set<string>();
  const underWay = createBackground(clock, onTrouble, random);
  const ports = {
    service,
    compose,
    now: () => clock.now(),
    ...given({ tried }),
  };
  let stopped = false;
  return {
    sendOwed(host) {
      if (stopped || !host.resting() || !host.leaseHolds()) return;
      for (const entry of host.outbox()) {
        if (entry.state !== "owed" || entry.due_at > clock.now() || sending.has(entry.key))
          continue;
        sending.add(entry.key);
        const delivery = queue.add(host.document().user_email ?? "", async () => {
          if (host.stopped() || !host.leaseHolds()) return;
          await host.updateOutbox(await deliverMail(ports, host.document(), entry));
        });
        underWay.run(delivery.finally(() => sending.delete(entry.key)));
      }
    },
    isSending: (host) => host.outbox().some(({ key }) => sending.has(key)),
    owesNow: (host) =>
      host
        .outbox()
        .some(
          (entry) =>
            entry.state === "owed" && (entry.due_at <= clock.now() || sending.has(entry.key)),
        ),
    stop() {
      stopped = true;
      queue.clear();
      return underWay.stop();
    },
  };
}
