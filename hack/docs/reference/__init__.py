"""Parts of api_page.py and cli_page.py: Markdown, and the contents of the CRDs and the model."""
