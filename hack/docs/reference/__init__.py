"""What api_page.py and cli_page.py are made of: Markdown, and what the CRDs and the model say."""
