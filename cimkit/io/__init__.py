"""Files in and out; each reader is one file behind one form, ``(data, notes)``."""
