export { Redis } from '@upstash/redis'
