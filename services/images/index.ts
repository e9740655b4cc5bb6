/** Whether the images of jobs can be had. */
export interface Images {
  /** Whose registry an image is in; undefined for one that `check` cannot ask. */
  registryOf(image: string): "Google" | "this machine" | undefined;
  /**
   * Rejects with BATCH_REFUSED unless the image is there for this account, and with
   * BATCH_UNAVAILABLE when its registry does not answer.
   */
  check(image: string, signal: AbortSignal): Promise<void>;
}
