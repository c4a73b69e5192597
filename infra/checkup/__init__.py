"""What `make doctor` looks at, a file for each part of a deployment; nothing here changes anything."""
