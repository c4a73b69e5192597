"""Queue and schedule doors: one file per Lambda function."""
