import { neonConfig } from '../../lib/vendor/orm.js'

// Neon's driver takes an HTTPS host from DATABASE_URL. A server on a plain local port is the one thing no URL can say.
const endpoint = process.env.JETTY_NEON_HTTP
if (endpoint) neonConfig.fetchEndpoint = endpoint
