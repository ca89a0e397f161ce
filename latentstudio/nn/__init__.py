"""Bricks without opinions: networks and invertible layers that model families put together."""
