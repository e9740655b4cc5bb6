/** A browser that does not say no within this has the file. */
const REFUSAL_MS = 3_000;

/** False where there is no browser. */
export async function openInBrowser(file: string): Promise<boolean> {
  const { DISPLAY, WAYLAND_DISPLAY, WSL_DISTRO_NAME } = process.env;
  const hasScreen =
    process.platform !== "linux" ||
    [DISPLAY, WAYLAND_DISPLAY, WSL_DISTRO_NAME].some((screen) => screen !== undefined);
  if (!hasScreen) return false;
  const { default: open } = await import("open");
  try {
    const opener = await open(file);
    if (opener.exitCode !== null) return opener.exitCode === 0;
    opener.ref();
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => {
        opener.unref();
        resolve(true);
      }, REFUSAL_MS);
      opener.once("error", () => resolve(false));
      opener.once("exit", (code) => {
        clearTimeout(timer);
        resolve(code === 0);
      });
    });
  } catch {
    return false;
  }
}
