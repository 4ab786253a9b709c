"""The main job shown on real bytes: put, lose an office, get everything back."""
