"""Pictures, pages and 3D windows."""
