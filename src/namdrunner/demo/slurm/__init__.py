"""A small scheduler with the manners of Slurm, for the demo cluster: queue, accounting and the commands around them."""
