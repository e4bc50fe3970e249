"""The aiohttp shell: routes, the boundary around them, handlers."""
