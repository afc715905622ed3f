"""Untrusted PNG and JPEG files: opened without their metadata, decoded upright and in sRGB.

Only `changes` and `exceptions` may be imported outside worker processes; the rest needs Pillow and much time.
"""
