"""Files to and from a cluster: planned first, sent in pipelines or as one stream, verified, resumable."""
