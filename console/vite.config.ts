import { join } from "node:path";
import { defineConfig } from "vite";

// Every address in the built files is relative, so they can be in any folder of any host.
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  cacheDir: join(import.meta.dirname, "../node_modules/.vite/console"),
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: join(import.meta.dirname, "dist"),
    emptyOutDir: true,
    target: "es2023",
    // No file becomes a data: address, and no script is inline, because the policy forbids both.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
    // The SDK's optional peer is not needed, because the page runs no agents.
    rolldownOptions: { external: ["ai"] },
  },
});
