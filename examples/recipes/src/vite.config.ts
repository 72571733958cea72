// vite.config.ts
const coatcheck = 'http://127.0.0.1:8080'

export default {
  server: { port: 5173, strictPort: true, proxy: { '/bff': coatcheck, '/api': { target: coatcheck, ws: true } } },
}
