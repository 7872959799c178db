"""Imported by the process that children are forked from: it outlives a SIGTERM to its group."""

import signal

# A service manager or a shell may tell a whole group of processes to end. The daemon then ends its
# children one by one, each at a good moment; without their common parent they would end at once.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
