"""Use cases: what people do with clusters, jobs and templates. One module per noun or use case."""
