"""The edge: judges requests, not events, and answers 200 only for what the log holds durably."""
