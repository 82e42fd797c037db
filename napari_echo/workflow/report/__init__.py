"""The report on models: numbers, tables and one page."""
