"""Everything Lambda gets besides `app.py`; the layout is told in docs/architecture.md."""
