"""All I/O. The folders in here are independent of one another."""
