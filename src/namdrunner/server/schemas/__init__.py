"""The documents of the API; OpenAPI, and from it the UI's client, is generated from these."""
