"""What people see: tables, figures, claims, pages."""
