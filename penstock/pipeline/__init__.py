"""Judges events: one ACCEPTED frame in, one ROUTED frame out, exactly once, by the stages that `order.py` lists.

Enter by `engine.PipelineEngine` and `retention.RetentionLoop`.
"""
