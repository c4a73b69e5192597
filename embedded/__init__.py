"""The AWS around the app, on one machine: never imported by chalicelib, never shipped."""
