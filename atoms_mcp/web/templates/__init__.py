"""The pages, in Jinja; `web.pages` renders them."""
