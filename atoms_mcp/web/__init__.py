"""The aiohttp shell: routes, middlewares, handlers."""
