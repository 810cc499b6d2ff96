import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { mockServer } from "./dev/mock.ts";

/** The two latin fonts are fetched with the page, not after its stylesheet. */
function preloadFonts(): Plugin {
  return {
    name: "keelway-preload-fonts",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (_html, context) =>
        Object.keys(context.bundle ?? {})
          .filter((file) => /-latin-wght-normal.*\.woff2$/.test(file))
          .map((file) => ({
            tag: "link",
            attrs: { rel: "preload", as: "font", type: "font/woff2", crossorigin: "", href: `/${file}` },
            injectTo: "head" as const,
          })),
    },
  };
}

// KEELWAY_URL: work on the page against a running Keelway. Without it a small stand-in answers.
const server = process.env["KEELWAY_URL"];

export default defineConfig({
  plugins: [react(), preloadFonts(), ...(server ? [] : [mockServer()])],
  server: { host: "127.0.0.1", port: 5199, ...(server ? { proxy: { "/api": server } } : {}) },
  build: {
    outDir: "../src/keelway/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the CSP lets no data: font through
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
  },
});
