"""The window. Pictures reach it as numpy uint8 and numbers as float64; nothing here imports torch."""
