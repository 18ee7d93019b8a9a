"""What delivery reads: ROUTED for all and for those behind, the retry ladder, and its own memory at the start."""
