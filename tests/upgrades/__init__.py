"""What earlier versions have stored, read by this one (docs/upgrading.md)."""
