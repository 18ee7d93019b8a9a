"""The language of the field, pure: what an event, a frame, an outcome and a snapshot are."""
