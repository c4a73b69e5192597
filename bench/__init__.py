"""What the paths of the product cost, counted with the real handlers; the last numbers stand in README.md."""
