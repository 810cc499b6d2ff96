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
const server = process.env.KEELWAY_URL;

// The server's own policy (TRUST.md 6), so that a built page that breaks it breaks here first.
const csp = [
  "default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:", "font-src 'self'", "connect-src 'self'",
  "frame-src http://*.localhost:5198", "worker-src 'self' blob:", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "object-src 'none'",
].join("; ");

export default defineConfig({
  plugins: [react(), preloadFonts(), ...(server ? [] : [mockServer()])],
  server: { host: "127.0.0.1", port: 5199, allowedHosts: [".localhost"], ...(server ? { proxy: { "/api": server } } : {}) },
  preview: { host: "127.0.0.1", port: 5198, allowedHosts: [".localhost"], headers: { "content-security-policy": csp } },
  build: {
    outDir: "../src/keelway/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the CSP lets no data: font through
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
  },
});
