"""The code of the stages: a step takes a draft and the frame that it stands in, and ends the draft or lets it go on."""
