"""HTTP doors: one file per resource, behind one route wrapper."""
