import { defineConfig } from "@hey-api/openapi-ts";

// Types only: the page's own `api/client.ts` does the asking.
export default defineConfig({
  input: "./openapi.json",
  output: { path: "./src/api/generated", header: ["// Generated from ui/openapi.json by script/generate. Do not edit."] },
  plugins: ["@hey-api/typescript"],
});
