"""Schema migrations, run by ``namdrunner.store.database`` when a database is opened."""
