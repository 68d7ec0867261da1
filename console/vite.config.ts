import { join } from "node:path";
import { defineConfig } from "vite";

// The built files may stand in any folder of any host: every address in them is relative.
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  cacheDir: join(import.meta.dirname, "../node_modules/.vite/console"),
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: join(import.meta.dirname, "dist"),
    emptyOutDir: true,
    target: "es2023",
    // No file becomes a data: address, and no script stands in the page itself: the policy forbids both.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
    // The SDK's optional peer: a page runs no agents.
    rolldownOptions: { external: ["ai"] },
  },
});
