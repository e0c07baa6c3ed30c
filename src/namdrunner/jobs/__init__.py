"""What a job is: its states, its record, the evidence of its end. Pure values; no I/O."""
