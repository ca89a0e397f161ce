"""The window: PySide6 widgets over `studio`. Pictures reach it as numpy arrays; it never imports torch."""
