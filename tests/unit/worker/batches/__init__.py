"""Films in batches: messages, link, device process and its keeper."""
