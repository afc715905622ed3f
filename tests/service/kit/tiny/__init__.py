"""The smallest service that shows what the kit does for one."""
