/** A committed transition, as the event stream tells it. */
export interface Transition {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly event: string;
  readonly from: string;
  readonly to: string;
  /** On the first under a lease: the daemon that took the run up. */
  readonly host?: string;
}
