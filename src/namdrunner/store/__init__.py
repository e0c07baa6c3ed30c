"""The local database: tables, migrations, repositories."""
