"""Delivery: every routed event goes through every matching subscription, each with one outcome."""
