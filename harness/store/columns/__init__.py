"""What a run has one value of, each declared once: lists, tables, figures, the HTML page and Parquet read it here."""
