"""What the pages look like: the stylesheet, the mark and the script of the copy buttons."""
