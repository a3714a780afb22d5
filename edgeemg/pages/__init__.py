"""Plain results in, HTML pages that need nothing but themselves and plots out. No torch here."""
