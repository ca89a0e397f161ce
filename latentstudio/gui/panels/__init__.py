"""Panels: one widget class per kind of view, each fed by the controller."""
