"""The benches that compute without measuring."""
