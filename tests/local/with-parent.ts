// Loaded into every child process of the stack: a child whose parent is gone, even by SIGKILL, ends too.
process.on('disconnect', () => process.exit())
process.on('error', () => process.exit())
