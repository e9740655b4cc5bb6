import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Refusal } from "../api/client.ts";
import { refusalOf, useLoaded } from "../loading.ts";
import { type Act, readOperations } from "../operations.ts";
import { AuditLog, MailNotDelivered } from "../parts/operations-records.tsx";
import { DaemonView } from "../parts/operations-daemon.tsx";
import { LostConnection, Notice, Waiting } from "../parts/notice.tsx";
import { SpendingView } from "../parts/spending.tsx";
import { StuckRuns } from "../parts/stuck-runs.tsx";

const LOOK_MS = 5_000;

/** What administrators look at: what is stuck, and the daemon that answers. */
export function OperationsPage(): JSX.Element {
  const { content, refusal, lostSince, again } = useLoaded(readOperations, [], {
    everyMs: LOOK_MS,
  });
  const [refused, setRefused] = useState<Refusal>();
  const act: Act = (work) => {
    setRefused(undefined);
    work()
      .catch((thrown: unknown) => setRefused(refusalOf(thrown)))
      .finally(again);
  };
  return (
    <>
      <h1>Operations</h1>
      <LostConnection since={lostSince} why={refusal?.message} />
      {refused !== undefined && <Notice kind="bad">{refused.message}</Notice>}
      {content === undefined ? (
        refusal === undefined ? (
          <Waiting what="the state of the daemon" />
        ) : (
          lostSince === undefined && <Notice kind="bad">{refusal.message}</Notice>
        )
      ) : (
        <>
          <StuckRuns runs={content.stuck.runs} act={act} />
          <DaemonView supervisor={content.supervisor} readiness={content.readiness} act={act} />
          <SpendingView />
          <MailNotDelivered mails={content.outbox.mails} act={act} />
          <AuditLog entries={content.audit.entries} />
        </>
      )}
    </>
  );
}
