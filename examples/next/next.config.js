/** @type {import('next').NextConfig} */
const config = {
  // Coatcheck stays outside of the bundles: it is one engine, with connections and timers of its own.
  serverExternalPackages: ['coatcheck'],
  turbopack: { root: import.meta.dirname },
}

export default config
