"""The desk: the pages the staff work in. It serves the site's root and shows what other plugins add to it.

It reads, in one transaction per page, and changes everything through the API, from the page's own scripts.
"""
