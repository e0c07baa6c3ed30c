"""The command line: noun, then verb. Modules are imported only when their command runs."""
