"""The steps, oldest first by name. A released step never changes: a new one corrects it."""
