import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// The preview reaches the app under a host name of its own, so every host is allowed.
export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': '/src' } },
  server: { host: true, port: 5173, strictPort: true, allowedHosts: true },
  preview: { host: true, port: 5173, strictPort: true, allowedHosts: true },
})
