import { z } from "zod";
import type { ActorNode } from "../../actors/inspection/actor-tree.ts";
import { RUN_PHASES, RUN_STATUSES } from "../../services/runs/document.ts";
import type { Lease, OutboxEntry, SetAside } from "../../services/runs/index.ts";
import { runSchema } from "../runs/schemas.ts";

const time = z.iso.datetime();

export const iso = (ms: number): string => new Date(ms).toISOString();
export const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

export const leaseSchema = z.object({
  owner: z.string(),
  token: z.number().int(),
  expires_at: time,
});
export const leaseOf = ({ owner, token, expires_at }: Lease): z.infer<typeof leaseSchema> => ({
  owner,
  token,
  expires_at: iso(expires_at),
});

export const MAIL_STATES = ["owed", "sent", "rejected"] as const;
export const mailSchema = z
  .object({
    key: z.string(),
    kind: z.enum(["run_completed", "run_failed", "run_cancelled"]),
    state: z.enum(MAIL_STATES),
    attempts: z.number().int(),
    due_at: time.describe("When it is sent, or sent again"),
    owed_since: time
      .nullable()
      .describe("When the run began to owe it; null of mails of earlier releases"),
    problem: z.string().nullable(),
  })
  .meta({ id: "Mail" });
export const mailOf = (entry: OutboxEntry): z.infer<typeof mailSchema> => ({
  ...entry,
  due_at: iso(entry.due_at),
  owed_since: entry.owed_since === undefined ? null : iso(entry.owed_since),
});

export const asideSchema = z
  .object({
    code: z.string().describe("Code of the error catalogue"),
    message: z.string(),
    at: time,
    was: z.string().nullable().describe("The status that it had"),
  })
  .meta({ id: "SetAside" });
export const asideOf = ({ at, ...aside }: SetAside): z.infer<typeof asideSchema> => ({
  ...aside,
  at: iso(at),
});

const json = z.record(z.string(), z.unknown());
const stateValueSchema = z.union([z.string(), json]).describe("A state's name, or nested states");

export const actorSchema = z
  .object({
    id: z.string().describe("`run`, or the name under which its parent invoked it"),
    source: z.string().describe("Its machine or step"),
    status: z.string(),
    state: stateValueSchema.nullable().describe("Null for a step"),
    wake_at: time.nullable().describe("The time it waits for"),
    context: json.describe("Names, states and numbers only; no text that a user wrote"),
    get children() {
      return z.array(actorSchema);
    },
  })
  .meta({ id: "Actor" });

export const actorOf = ({
  wake_at,
  children,
  ...node
}: ActorNode): z.infer<typeof actorSchema> => ({
  ...node,
  wake_at: wake_at === null ? null : iso(wake_at),
  children: children.map(actorOf),
});

export const runDetailSchema = z
  .object({
    run: runSchema,
    damage: z.string().nullable().describe("What of the record cannot be read"),
    set_aside: asideSchema.nullable().describe("Why nobody hosts the run until it is released"),
    revision: z.number().int(),
    machine: z
      .object({ id: z.string(), version: z.string() })
      .nullable()
      .describe("What wrote the snapshot; null before the first commit"),
    priority: z.number().int(),
    wake_at: time.nullable(),
    lease: leaseSchema.nullable(),
    inbox: z.array(z.object({ id: z.string(), event: json })),
    outbox: z.array(mailSchema),
    snapshot: actorSchema.nullable().describe("The machine and its children as they are stored"),
  })
  .meta({ id: "RunDetail" });

export const transitionSchema = z
  .object({
    revision: z.number().int(),
    at: time,
    actor: z.string(),
    event: z.string(),
    from: z.string(),
    to: z.string(),
  })
  .meta({ id: "Transition" });

export const supervisorSchema = z
  .object({
    software: z.object({ name: z.string(), version: z.string() }),
    machine: z.object({ id: z.string(), version: z.string() }),
    owner: z.string().describe("The name under which this daemon holds leases"),
    admission_paused: z.boolean(),
    draining: z.boolean(),
    limits: z.object({ max_active: z.number().int(), max_active_per_user: z.number().int() }),
    live: z.number().int().describe("Runs in the memory of this daemon"),
    passivated: z
      .number()
      .int()
      .describe("Running, but in no daemon's memory until their next event or deadline"),
    by_status: z.object(
      Object.fromEntries(RUN_STATUSES.map((status) => [status, z.number().int()])) as Record<
        (typeof RUN_STATUSES)[number],
        z.ZodInt
      >,
    ),
    queues: z.array(
      z.object({
        user_email: z.string().nullable(),
        active: z.number().int(),
        queued: z.number().int(),
        queued_since: time.nullable(),
      }),
    ),
    hosted: z.array(
      z.object({
        run_id: z.string(),
        status: z.enum(RUN_STATUSES),
        current_phase: z.enum(RUN_PHASES).nullable(),
        token: z.number().int(),
        lease_expires_at: time,
        wake_at: time.nullable(),
        waiting: z.boolean().describe("Only an event or a deadline moves it on"),
        postponed: z.string().nullable().describe("Error for which its step begins again later"),
      }),
    ),
  })
  .meta({ id: "Supervisor" });

export const stateSchema = z
  .object({
    key: z.string(),
    type: z.string(),
    initial: z.string().nullable(),
    entry: z.array(z.string()),
    invokes: z.array(z.object({ id: z.string(), source: z.string() })),
    transitions: z.array(
      z.object({ event: z.string(), guard: z.string(), target: z.string(), actions: z.string() }),
    ),
    get states() {
      return z.array(stateSchema);
    },
  })
  .meta({ id: "MachineState" });
