"""Tasks that collect posts."""
