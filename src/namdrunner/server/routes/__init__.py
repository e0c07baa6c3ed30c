"""Routes, one module per noun; each is thin: read the request, ask a service, name the answer."""
