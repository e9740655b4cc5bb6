import type { FastifyBaseLogger } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { AsideJobs } from "../actors/aside-jobs.ts";
import type { AtlasCatalogue } from "../actors/atlas-catalogue.ts";
import type { Housekeeping } from "../actors/housekeeping.ts";
import type { CommitFeed } from "../actors/watch/commit-feed.ts";
import type { Inspection } from "../actors/inspection/inspection.ts";
import type { Supervisor } from "../actors/supervisor/supervisor.ts";
import type { Tasks } from "../actors/tasks.ts";
import type { Uploads } from "../actors/uploads.ts";
import type { Config } from "../config.ts";
import type { AccessStore, Role } from "../services/access/index.ts";
import type { BatchService } from "../services/batch/index.ts";
import type { Clock } from "../services/clock/index.ts";
import type { Compute } from "../services/compute/index.ts";
import type { JobEvents } from "../services/job-events/index.ts";
import type { ObjectStore } from "../services/objects/index.ts";
import type { RunStore } from "../services/runs/index.ts";
import type { Metrics } from "../insight/metrics.ts";

/** Who asks. */
export interface Identity {
  /** E-mail in lower case, the user_email of the own runs; `local` under AUTH=none. */
  readonly owner: string;
  readonly role: Role;
  /** Token id, or `iap` or `none`: for the audit log. */
  readonly credential: string;
  /** When that is over, in milliseconds; null where it does not end by itself. */
  readonly until: number | null;
}

/** Who may ask; every route says it in its `config`. */
export type Access = "public" | "user" | "admin";

declare module "fastify" {
  interface FastifyContextConfig {
    access?: Access;
    /** Web origins whose pages may use this route, beside CORS_ORIGINS. */
    origins?: readonly string[];
    /** The route is no route: it tells of the methods that there are. */
    refusesMethod?: true;
  }
  interface FastifyRequest {
    identity: Identity;
    /** Id of the token that was sent and no longer counts. */
    presented?: string;
    /** Runs of others that this answer shows because they are shared with who asks. */
    sharedRuns: Set<string>;
    /** What ends this request when whoever asks may no longer; its connection is cut otherwise. */
    endAccess?: () => void;
  }
}

/** Everything that the routes are made of. */
export interface ServerParts {
  readonly config: Config;
  readonly software: { readonly name: string; readonly version: string };
  readonly runs: RunStore;
  readonly supervisor: Supervisor;
  readonly housekeeping: Housekeeping;
  readonly asideJobs: Pick<AsideJobs, "soon">;
  readonly objects: ObjectStore;
  readonly atlases: AtlasCatalogue;
  /** Folder of the knowledge that was imported beside the curated one. */
  readonly knowledge: string;
  readonly compute: Compute<Tasks>;
  readonly batch: BatchService;
  readonly commits: CommitFeed;
  readonly inspection: Inspection;
  readonly access: AccessStore;
  readonly uploads: Uploads;
  readonly clock: Clock;
  readonly logger: FastifyBaseLogger;
  readonly jobEvents: Pick<JobEvents, "check">;
  /** Absent under METRICS=off. */
  readonly metrics?: Metrics;
}

/** A group of routes under one prefix. */
export interface RouteModule {
  readonly prefix: "" | "/api/v1" | "/admin";
  readonly routes: (parts: ServerParts) => FastifyPluginAsyncZod;
}
