import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// `npm run dev`: the API of a server that runs already, at NAMDRUNNER_URL; sign in there once through /open.
const server = process.env.NAMDRUNNER_URL ?? "http://127.0.0.1:8765";

export default defineConfig({
  plugins: [svelte()],
  resolve: {
    alias: { $lib: new URL("./src/lib", import.meta.url).pathname },
    ...(process.env.VITEST ? { conditions: ["browser"] } : {}),
  },
  build: {
    target: "es2022",
    outDir: "dist",
    assetsInlineLimit: 0,
    manifest: true,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 3500, // the molecular viewer, loaded when it is first looked at
  },
  server: {
    fs: { allow: [".", "../src/namdrunner/templates"] },
    proxy: Object.fromEntries(
      ["/api", "/open"].map((path) => [
        path,
        {
          target: server,
          changeOrigin: true,
          configure: (proxy) =>
            proxy.on("proxyReq", (request) => {
              if (request.getHeader("origin")) request.setHeader("origin", server);
            }),
        },
      ]),
    ),
  },
  test: { include: ["src/**/*.test.ts"] },
});
