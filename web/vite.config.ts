import { join } from "node:path";
import { defineConfig } from "vite";

/** Addresses are relative, so that a proxy may serve the window under any path. */
export default defineConfig({
  root: join(import.meta.dirname, "src"),
  base: "./",
  publicDir: false,
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: join(import.meta.dirname, "built"),
    emptyOutDir: true,
    assetsDir: "window",
    modulePreload: false,
    // Of what is built in; the licences ask for it.
    license: { fileName: "licences.md" },
    // An image in the address of a style is an image from outside of the policy.
    assetsInlineLimit: 0,
    target: "es2023",
    // The layout library, which is loaded with the first statechart that is looked at.
    chunkSizeWarningLimit: 1_600,
  },
});
