"""The OpenMM engine of the demo: reads a NAMD config, runs real dynamics, writes NAMD's log and files."""
