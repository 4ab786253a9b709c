"""What must hold at every message and at every look, by topic; `promises` puts them together."""
