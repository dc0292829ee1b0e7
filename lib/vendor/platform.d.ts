export { geolocation, ipAddress, waitUntil } from '@vercel/functions'
