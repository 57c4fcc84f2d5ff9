"""The commands that people run, as they run them."""
