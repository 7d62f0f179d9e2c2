"""What is counted, and how it is told: metrics for Prometheus and a line in the log per reply."""
