"""Face detection, quality, alignment, embedding, template protection and matching. Pure library: no Django, no storage.

Frames and embeddings live in memory only: nothing here writes, logs or prints them, and no ``repr`` shows them.
"""
