// The measure of a process that imports nothing.
