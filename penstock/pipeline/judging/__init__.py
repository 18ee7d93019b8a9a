"""One frame judged: what a step is given, how endings are counted, and the answer that is appended."""
