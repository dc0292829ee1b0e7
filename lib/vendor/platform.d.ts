// One file of the package: its entry point loads all it has, which costs every function 4 ms of CPU more.
export { waitUntil } from '../../node_modules/@vercel/functions/wait-until.js'
